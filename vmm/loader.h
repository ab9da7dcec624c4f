/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts a guest into RAM: an arm64 Image (Documentation/arch/arm64/booting.rst), a static ELF64 at its
 * physical addresses, or else a flat binary at the start of RAM. Files are hostile: every number in them is
 * checked before it is used.
 */
#ifndef VMM_LOADER_H
#define VMM_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/space.h>

#include "error.h"

/* The largest device tree that arm64 Linux maps. */
#define VMM_DTB_MAX (UINT64_C(2) << 20)

struct vmm_memory {
	uint8_t *host; /* base is mapped here */
	uint64_t base, size;
};

/* One more than an ELF file's segments may be, for initrd and device tree. */
#define VMM_SEGMENTS_MAX 64

struct vmm_guest {
	uint64_t entry, dtb, initrd, initrd_size;
	struct sv_ranges used; /* what is taken in RAM, over ranges */
	struct sv_range ranges[VMM_SEGMENTS_MAX + 2];
};

/* A file's whole content. */
struct vmm_file {
	uint8_t *bytes;
	size_t size;
};

/* Reads a regular file (or anything that ends) of at most limit bytes. The caller frees bytes. */
bool vmm_file_read(const char *path, uint64_t limit, struct vmm_file *file, struct vmm_error *error);

/* Loads a guest; flat: take the file as flat whatever it looks like (AArch32). name is for messages. */
bool vmm_load(const struct vmm_file *file, const char *name, bool flat, const struct vmm_memory *memory,
	      struct vmm_guest *guest, struct vmm_error *error);

/* The same for Images and for ELF files; called by vmm_load. */
#define VMM_IMAGE_MAGIC        "ARM\x64"
#define VMM_IMAGE_MAGIC_OFFSET 56
bool vmm_load_image(const struct vmm_file *file, const char *name, const struct vmm_memory *memory,
		    struct vmm_guest *guest, struct vmm_error *error);
bool vmm_load_elf(const struct vmm_file *file, const char *name, const struct vmm_memory *memory,
		  struct vmm_guest *guest, struct vmm_error *error);

/*
 * Copies data to a free place, as high as possible: a flat guest may use what follows it. name is for
 * messages.
 */
bool vmm_load_high(const struct vmm_file *file, const char *name, uint64_t align,
		   const struct vmm_memory *memory, struct vmm_guest *guest, uint64_t *address,
		   struct vmm_error *error);

/* Takes address..address+size for the guest: false if it is not free RAM. */
bool vmm_load_reserve(struct vmm_guest *guest, uint64_t address, uint64_t size);

#endif
