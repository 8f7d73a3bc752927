"""The user's own modules and scripts that code imports: found, read and watched without importing them."""
