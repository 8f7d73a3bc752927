"""Tests of others, run with their own kernel and with ours: `make conformance`, by hand and before a release."""
