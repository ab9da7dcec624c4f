/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing a journal. One process at a time has it (flock); within it, callers exclude each other. */
#ifndef RAS_JOURNAL_H
#define RAS_JOURNAL_H

#include <sys/types.h>

#include "recover.h"

struct journal {
	struct journal_header header;
	uint32_t next; /* the record to be written next */
	int fd;        /* holds the lock; for tallies, which nobody waits for */
	int sync_fd;   /* O_DSYNC: a write that returned is on disk */
	/* pwrite(2); tests put failing disks here. */
	ssize_t (*write)(int fd, const void *data, size_t size, off_t offset);
};

/*
 * Opens header->vm's journal at path or makes one. reserve records must have room after those that are
 * carried; if the journal there is damaged, or has not that room, a new one takes its place, into which the
 * pages of header->boot are carried. *scan, to be freed on success, is what was there. Statuses and
 * *opening as for sv_ras_open.
 */
enum sv_status journal_open(struct journal *journal, const char *path, const struct journal_header *header,
			    uint32_t reserve, struct journal_scan *scan, struct sv_ras_opening *opening);
void journal_close(struct journal *journal);

/* Fills in index, id, vm and boot and writes the record durably: 0, or errno with nothing appended. */
int journal_append(struct journal *journal, struct journal_record *record);

/* 0 or errno. Durable when the kernel gets to it. */
int journal_tally(struct journal *journal, uint32_t index, const struct journal_tally *tally);

/* Tells the writer's next opening that the ledger has the first absorbed records. 0 or errno. */
int journal_mark(int fd, uint32_t absorbed, uint64_t id);

/*
 * The latest record of each page of boot in *scan, with its count so far, is moved to the front of
 * scan->records; returns how many those are, or PAGES_NONE: no memory.
 */
uint32_t journal_latest(struct journal_scan *scan, const uint8_t boot[16]);

#endif
