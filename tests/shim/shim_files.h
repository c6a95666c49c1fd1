/* shim_files.h - which paths are fake nodes, for the calls that only look. */
#ifndef SHIM_FILES_H
#define SHIM_FILES_H

#include <stddef.h>
#include <stdint.h>

/* Whether a path is a fake node; *error, if asked for: EACCES where opening it is refused, else 0. */
int shim_has_node(const char *path, int *error);

/* Path of the i-th node there may be; 0 when there are no more. */
int shim_node_path(uint32_t i, char *path, size_t n);

#endif
