"""Kernels that are ready before they are asked for: forked from a zygote, or started ahead."""
