/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bad pages of a guest's memory, for host code to ask before it touches them (loader, device emulation,
 * dump, migration), and for taking along to another process: after a snapshot, a migration, a reset in
 * place. Never import after a cold start: its pages are fresh.
 */
#ifndef SALVAGE_POISON_H
#define SALVAGE_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sv_poison;

/* A map with room for max_pages (1 to 2^20), all memory allocated now; NULL with errno if there is none. */
struct sv_poison *sv_poison_new(uint32_t max_pages);
void sv_poison_free(struct sv_poison *poison);

/*
 * Marks the 4 KiB page of gpa. SV_OK, also if it was marked; SV_NO_ROOM. Any thread: a new page is put in
 * under a mutex that is held for a few stores. A page stays marked until sv_poison_clear.
 */
enum sv_status sv_poison_add(struct sv_poison *poison, uint64_t gpa);

/*
 * Whether any of size bytes at gpa lie in a bad page; false if size is 0; a range that wraps ends with the
 * last page. Lock-free; any thread. Costs a load while nothing is marked, then a look-up a page of the
 * range, or one pass over the map where that is less.
 */
bool sv_poison_overlaps(const struct sv_poison *poison, uint64_t gpa, uint64_t size);

/*
 * The first bad page that ends after gpa, in ascending order, to walk the map: start with 0 and go on with
 * the page + 4096 until false. One pass over the map a call.
 */
bool sv_poison_next(const struct sv_poison *poison, uint64_t gpa, uint64_t *page);

uint32_t sv_poison_count(const struct sv_poison *poison);

/* Forgets all pages, for a cold start. No other thread may be using the map. */
void sv_poison_clear(struct sv_poison *poison);

/*
 * Writes the map as a poison file (docs/memory-errors.md) into text, with a NUL. vm names the VM the pages
 * belong to. Returns the length without the NUL, as snprintf does: if that is not less than size, text is
 * incomplete and must not be used. 0: out of memory.
 */
size_t sv_poison_export(const struct sv_poison *poison, const uint8_t vm[16], char *text, size_t size);

/* First and last byte of a piece of guest RAM. */
struct sv_poison_ram {
	uint64_t first, last;
};

/* Where and why a poison file was refused: line counts from 1. why is a static string. */
struct sv_poison_error {
	size_t line;
	const char *why;
};

/*
 * Reads a poison file of length bytes that may come from anybody, and adds its pages. All is checked before
 * anything is added: form, order, checksum, and that each page lies in one of count pieces of RAM (no check
 * if ram is NULL). vm, if not NULL, must be the file's. *pages is how many it held. SV_OK; SV_MALFORMED or
 * SV_NO_ROOM with *error filled and nothing added. Threads as for sv_poison_add.
 */
enum sv_status sv_poison_import(struct sv_poison *poison, const char *text, size_t length, const uint8_t *vm,
				const struct sv_poison_ram *ram, size_t count, uint32_t *pages,
				struct sv_poison_error *error);

/*
 * Making the host enforce it: later accesses, the guest's and this process's, raise SIGBUS instead of finding
 * stale or zero data. host and size are multiples of the host's page size. What the pages held is gone.
 */

/*
 * UFFDIO_POISON (Linux 6.6): a marker in this process's page table. Costs no memory, and no privilege but
 * userfaultfd's own (root, CAP_SYS_PTRACE, /dev/userfaultfd or vm.unprivileged_userfaultfd). The code is
 * BUS_MCEERR_AR; BUS_ADRERR for the process's own accesses if the host lacks CONFIG_MEMORY_FAILURE. The
 * marker goes with the mapping, and with MADV_DONTNEED for a cold start; it does not reach other mappings
 * of the memory (vhost-user). The pages are registered with a userfaultfd for the time of the call, so they
 * must not be registered with another (postcopy): EBUSY.
 *
 * SV_OK; SV_UNSUPPORTED (the kernel lacks it, or may not be asked); SV_SYSTEM (errno).
 */
enum sv_status sv_poison_mark(void *host, size_t size);

/*
 * MADV_HWPOISON: the physical page is taken away from the host for good, as a real error would; for all
 * mappings. Needs CAP_SYS_ADMIN and CONFIG_MEMORY_FAILURE, and costs a page of the host's memory until it
 * is booted again, so it is for tests and for pages that are known to be bad on this very host.
 *
 * SV_OK; SV_UNSUPPORTED (not built into the kernel, or not privileged); SV_SYSTEM (errno).
 */
enum sv_status sv_poison_mark_hardware(void *host, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
