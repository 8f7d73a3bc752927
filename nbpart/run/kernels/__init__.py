"""Starting and ending the kernels of runs: forked from a process with everything imported, or started ahead."""
