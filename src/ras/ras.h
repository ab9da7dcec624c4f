/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind struct sv_ras; for ras.c, its opening, and the tests. */
#ifndef RAS_RAS_H
#define RAS_RAS_H

#include <pthread.h>
#include <stdatomic.h>

#include "journal.h"
#include "pages.h"

/* A page, or the bucket "unknown". Written under the mutex before its key is published; then as said. */
struct ras_entry {
	_Atomic uint64_t count, last_ns;
	_Atomic uint32_t index; /* its record in the journal; under the mutex, read by flush */
	_Atomic bool durable;   /* that record is on disk */
	_Atomic bool inferred;  /* goes from true to false only */
	bool unwritten;         /* under the mutex: sv_ras_flush has to write it */
	uint64_t flushed;       /* the count in the journal; of the thread that flushes */
	struct journal_record record;
};

/* A VM's limit is max_pages; "unknown" takes no page's place, so there is one entry more. */
struct sv_ras {
	pthread_mutex_t mutex; /* new entries, the journal's records */
	pthread_mutex_t flush; /* one flush at a time; taken before mutex */
	struct page_set set;   /* key: page | kind; number: of the entry */
	struct ras_entry *entries;
	uint32_t max_pages;
	_Atomic uint32_t distinct, inferred, unwritten;
	_Atomic bool not_written_said, full_said, poison_said;
	_Atomic uint64_t errors, saturated;
	bool has_journal;
	struct journal journal;
	struct sv_poison *poison;
	struct sv_policy policy; /* threshold rules only, our copy */
};

/* Makes an entry of a record that was read from the journal. */
void ras_restore(struct sv_ras *ras, const struct journal_record *record);

#endif
