"""The release server: releases, licences, tokens for the image registry. A program of its own; imports `core` alone."""
