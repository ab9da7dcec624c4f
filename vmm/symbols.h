/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The names of a guest's code, from an ELF file's symbol table: for people, who read "uart_init+0x10" faster
 * than an address. Addresses are compared as they are: a virtual PC with the virtual addresses that the file
 * was linked at. Files are hostile: libelf reads them, and what it gives is checked again.
 */
#ifndef VMM_SYMBOLS_H
#define VMM_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "loader.h"

/* "NAME+0xOFFSET" with its NUL; longer names, C++'s and Rust's, are cut, with ".." for what is missing. */
#define VMM_SYMBOL_TEXT 160

struct vmm_symbols;

/*
 * From a file, of which only the tables are read: it may be a vmlinux with all its debug information. NULL,
 * with *error (VMM_IMAGE), if it cannot be read or has no symbols of code. Freed by vmm_symbols_free.
 */
struct vmm_symbols *vmm_symbols_open(const char *path, struct vmm_error *error);

/* From a guest that is in memory already. NULL if it is no ELF file or has no symbols: that is no error. */
struct vmm_symbols *vmm_symbols_of_guest(const struct vmm_file *file);

void vmm_symbols_free(struct vmm_symbols *symbols);

/*
 * What pc lies in, in printable ASCII. False, with text empty, if that is not known: pc lies past the symbol
 * before it, or symbols is NULL. Any thread.
 */
bool vmm_symbols_find(const struct vmm_symbols *symbols, uint64_t pc, char text[VMM_SYMBOL_TEXT]);

#endif
