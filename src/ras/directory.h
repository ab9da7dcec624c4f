/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAS_DIRECTORY_H
#define RAS_DIRECTORY_H

/*
 * The directory of path, opened, and locked against others who change names in it, until it is closed; -1 if
 * it cannot be opened. NFS locks no directories: then two starts at the same instant are not told apart.
 */
int directory_lock(const char *path);

#endif
