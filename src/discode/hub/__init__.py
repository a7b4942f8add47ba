"""The release server: releases, licenses, tokens for the image registry. A program of its own; imports `core` alone."""
