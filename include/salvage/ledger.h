/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ledger: a SQLite database of the memory errors of any number of VMs, fed from their journals, and
 * what is made of it. It is a library of its own, salvage_ledger, because libsalvage needs no SQLite. Never
 * on a vCPU's thread. docs/memory-errors.md has the schema.
 *
 * A struct sv_ledger belongs to one thread at a time. Any number of processes may have the same file open;
 * readers do not wait for writers (WAL).
 */
#ifndef SALVAGE_LEDGER_H
#define SALVAGE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <salvage/ras.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct sv_ledger;

enum sv_ledger_mode {
	SV_LEDGER_READ,  /* it must be there, of this version, and whole; nothing is written or set aside */
	SV_LEDGER_WRITE, /* made if it is not there; migrated if it is older; set aside if it is damaged */
};

/*
 * Opens the database at path. SV_OK; SV_UNSUPPORTED (of a later version, or older and opened to read);
 * SV_DAMAGED (opened to read); SV_SYSTEM. text, of size bytes, says what and why, and is also filled when a
 * damaged database was set aside on success; else it is "".
 */
enum sv_status sv_ledger_open(const char *path, enum sv_ledger_mode mode, struct sv_ledger **ledger,
			      char *text, size_t size);
void sv_ledger_close(struct sv_ledger *ledger);

/* What went wrong in the last call that failed. Valid until the next call. */
const char *sv_ledger_error(const struct sv_ledger *ledger);

/* What an absorption found. */
struct sv_absorption {
	uint32_t records; /* new in the ledger */
	uint32_t damaged; /* records that could not be read */
	char text[256];   /* what is wrong with the journal, or "" */
};

/*
 * Takes over what is new in the journal at path, which may be in use, damaged, or set aside. Each record gets
 * into the ledger exactly once, whenever this is killed: record and position are one transaction. Then the
 * journal is marked, if it can be written, so that its owner may begin a new one. One journal, one ledger.
 *
 * SV_OK; SV_DAMAGED: nothing in the file is a journal's; SV_UNSUPPORTED: a later version's; SV_SYSTEM.
 */
enum sv_status sv_ledger_absorb(struct sv_ledger *ledger, const char *path, struct sv_absorption *result);

/*
 * The journals beside a ledger: all files LEDGER.VM.journal and what was set aside of them, each absorbed
 * as above; result sums. The first failure is returned, after all were tried. sv_ledger_journal makes the
 * name for a VM, to be freed; NULL: no memory.
 */
enum sv_status sv_ledger_absorb_all(struct sv_ledger *ledger, struct sv_absorption *result);
char *sv_ledger_journal(const char *ledger, const char *vm);

/* A bad page, or a start's errors without address. Strings live until the callback returns. */
struct sv_ledger_page {
	char vm[37], boot[37];
	const char *name; /* the VM's, or its UUID again */
	enum sv_ras_kind kind;
	uint64_t address;
	bool inferred;
	const char *source; /* of the first sighting */
	uint64_t count;
	uint64_t first_ns, last_ns; /* CLOCK_REALTIME */
	bool latest;                /* of the VM's latest start */
};

/* Calls each for every page (of one VM: name or UUID, or NULL for all), by VM, start and address. */
enum sv_status sv_ledger_pages(struct sv_ledger *ledger, const char *vm,
			       void (*each)(void *opaque, const struct sv_ledger_page *page), void *opaque);

/* How a page came to be known, and what was decided. */
struct sv_ledger_sighting {
	struct sv_ledger_page page;
	const char *sighting; /* "new", "confirmed", "no-page", "carried" */
	struct sv_memory_error error;
	uint32_t distinct;
	const char *rule; /* the threshold it reached, or NULL */
};

enum sv_status sv_ledger_sightings(struct sv_ledger *ledger, const char *vm,
				   void (*each)(void *opaque, const struct sv_ledger_sighting *sighting),
				   void *opaque);

/*
 * Adds pages that another host knew to a VM's latest start, or to one of its own if it has none; those that
 * are known stay as they are. *added is how many were new. SV_MALFORMED: vm.
 */
enum sv_status sv_ledger_add(struct sv_ledger *ledger, const char *vm, const struct sv_poison *poison,
			     uint32_t *added);

/*
 * Forgets a VM's pages, or those of one GPA page (gpa not NULL), with their sightings and decisions. What its
 * journal still holds stays forgotten; what it learns later does not. *removed is how many.
 */
enum sv_status sv_ledger_forget(struct sv_ledger *ledger, const char *vm, const uint64_t *gpa,
				uint32_t *removed);

/*
 * Writes the metrics of all VMs, or of one, in Prometheus' text format, version 0.0.4. Consistent with each
 * other. SV_SYSTEM also if out could not be written.
 */
enum sv_status sv_ledger_metrics(struct sv_ledger *ledger, const char *vm, FILE *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
