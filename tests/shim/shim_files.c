/* shim_files.c - the fake nodes as files: stat, access and the listing of /dev, for programs that look before they open. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim_files.h"

#define EXPORT      __attribute__((visibility("default")))
#define SPI_MAJOR   153u
#define GPIO_MAJOR  254u
#define LISTINGS    8u
#define NODES_MAX   80u

/* A node as `stat` shows it, in group dialout (20), which every Debian has. */
static int fill(const char *path, struct stat *out)
{
    const int is_spi = strncmp(path, "/dev/spidev", 11) == 0;

    memset(out, 0, sizeof *out);
    out->st_mode = S_IFCHR | 0660;
    out->st_nlink = 1;
    out->st_gid = 20;
    out->st_rdev = makedev(is_spi ? SPI_MAJOR : GPIO_MAJOR, 0);
    return 0;
}

/* struct stat64 and struct stat are one on 64-bit Linux. */
static int stat_any(int at, const char *path, void *out, int flags)
{
    return shim_has_node(path, NULL) ? fill(path, out) : (int)syscall(SYS_newfstatat, at, path, out, flags);
}

EXPORT int stat(const char *restrict path, struct stat *restrict out) { return stat_any(AT_FDCWD, path, out, 0); }
EXPORT int stat64(const char *restrict path, struct stat64 *restrict out) { return stat_any(AT_FDCWD, path, out, 0); }
EXPORT int lstat(const char *restrict path, struct stat *restrict out)
{
    return stat_any(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}
EXPORT int lstat64(const char *restrict path, struct stat64 *restrict out)
{
    return stat_any(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}
EXPORT int fstatat(int at, const char *restrict path, struct stat *restrict out, int flags)
{
    return stat_any(at, path, out, flags);
}
EXPORT int fstatat64(int at, const char *restrict path, struct stat64 *restrict out, int flags)
{
    return stat_any(at, path, out, flags);
}

static int access_any(int at, const char *path, int mode)
{
    int error = 0;

    if (shim_has_node(path, &error)) {
        errno = error;
        return error != 0 && mode != F_OK ? -1 : 0;
    }
    return (int)syscall(SYS_faccessat, at, path, mode);
}

EXPORT int access(const char *path, int mode) { return access_any(AT_FDCWD, path, mode); }
EXPORT int faccessat(int at, const char *path, int mode, int flags)
{
    (void)flags;
    return access_any(at, path, mode);
}

/* Listings of /dev: behind the last real entry come the fake ones. */
static struct { DIR *stream; uint32_t next; struct dirent entry; } listings[LISTINGS];

EXPORT DIR *opendir(const char *path)
{
    DIR *(*const real)(const char *) = (DIR *(*)(const char *))dlsym(RTLD_NEXT, "opendir");
    DIR *const stream = real(path);

    for (uint32_t i = 0; stream != NULL && i < LISTINGS && (strcmp(path, "/dev") == 0 || strcmp(path, "/dev/") == 0); i++) {
        if (listings[i].stream == NULL) {
            listings[i].stream = stream;
            listings[i].next = 0;
            break;
        }
    }
    return stream;
}

static void *read_any(DIR *stream, const char *symbol)
{
    void *(*const real)(DIR *) = (void *(*)(DIR *))dlsym(RTLD_NEXT, symbol);
    void *found = real(stream);

    for (uint32_t i = 0; found == NULL && i < LISTINGS; i++) {
        while (listings[i].stream == stream && found == NULL && listings[i].next < NODES_MAX) {
            char path[64];

            if (shim_node_path(listings[i].next++, path, sizeof path) && shim_has_node(path, NULL)) {
                memset(&listings[i].entry, 0, sizeof listings[i].entry);
                listings[i].entry.d_ino = 1;
                listings[i].entry.d_type = DT_CHR;
                (void)snprintf(listings[i].entry.d_name, sizeof listings[i].entry.d_name, "%s", path + 5);
                found = &listings[i].entry;
            }
        }
    }
    return found;
}

EXPORT struct dirent *readdir(DIR *stream) { return read_any(stream, "readdir"); }
EXPORT struct dirent64 *readdir64(DIR *stream) { return read_any(stream, "readdir64"); }

EXPORT int closedir(DIR *stream)
{
    int (*const real)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

    for (uint32_t i = 0; i < LISTINGS; i++) {
        if (listings[i].stream == stream) {
            listings[i].stream = NULL;
        }
    }
    return real(stream);
}
