/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a journal that may be damaged, of another VM, or being written this moment. */
#ifndef RAS_RECOVER_H
#define RAS_RECOVER_H

#include "record.h"

struct journal_scan {
	struct journal_header header;   /* if header_status is SV_OK; else only capacity and id, guessed */
	enum sv_status header_status;   /* as header_decode says, of the better copy */
	const char *damage;             /* what is wrong with the file, or NULL */
	uint32_t used;                  /* one more than the last record that is not all zero */
	uint32_t valid, damaged;        /* of those */
	uint32_t absorbed;              /* the ledger's mark */
	struct journal_record *records; /* used of them; sighting is 0 where it was not valid */
	struct journal_tally *tallies;  /* used of them; the record's own count where there is none */
};

/* 0, or errno: no memory, or not a regular file. All else is in *scan, which is to be freed. */
int journal_scan(int fd, struct journal_scan *scan);
void journal_scan_free(struct journal_scan *scan);

#endif
