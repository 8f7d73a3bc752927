"""Looking whether an installation and a workspace are well."""
