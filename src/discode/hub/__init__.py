"""The release server: releases, licenses, registry tokens. A separate program that imports only `core` and `disk`."""
