/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal's bytes (docs/memory-errors.md): pure encoding and decoding. */
#ifndef RAS_RECORD_H
#define RAS_RECORD_H

#include <salvage/ras.h>

#define JOURNAL_VERSION 1

/* Where things are in the file. What a power failure must not hurt together is in different sectors. */
#define HEADER_SIZE            512 /* two copies, each written while the other is whole */
#define MARK_OFFSET            1024
#define MARK_SIZE              32
#define RECORDS_AT             4096
#define RECORD_SIZE            128 /* divides a sector: none is written in two halves */
#define TALLY_SIZE             32
#define CAPACITY_MAX           (4 * (SV_RAS_PAGES_MAX + 1))
#define RECORD_AT(i)           (RECORDS_AT + (uint64_t)(i)*RECORD_SIZE)
#define TALLY_AT(c, i)         (RECORD_AT(c) + (uint64_t)(i)*TALLY_SIZE)
#define JOURNAL_SIZE(capacity) TALLY_AT(capacity, capacity)

struct journal_header {
	uint64_t generation; /* of two valid copies the higher one holds */
	uint32_t capacity;   /* records */
	uint64_t id;         /* random: names the file in the ledger */
	uint64_t created_ns; /* CLOCK_REALTIME */
	uint8_t vm[16], boot[16];
	uint8_t host_boot[16]; /* the host's /proc/sys/kernel/random/boot_id: whose CLOCK_MONOTONIC */
	char name[SV_RAS_NAME];
};

/* How a record came to be; part of the format. */
enum record_sighting { RECORD_NEW = 1, RECORD_CONFIRMED, RECORD_NO_PAGE, RECORD_CARRIED };

struct journal_record {
	uint32_t index;
	uint8_t sighting; /* enum record_sighting */
	struct sv_memory_error error;
	uint64_t id; /* the file's */
	uint8_t vm[16], boot[16];
	uint64_t count;     /* errors on the page when it was written */
	uint32_t distinct;  /* pages of this start, with this one */
	uint32_t threshold; /* the N of the rule that this page reached, or 0 */
	uint8_t action;     /* enum sv_action of that rule */
};

/* Errors on a page since its start, and the last of them: for the record of the same index. */
struct journal_tally {
	uint64_t count, last_ns;
};

/* Each fills all of its bytes. */
void header_encode(const struct journal_header *header, uint8_t bytes[HEADER_SIZE]);
void record_encode(const struct journal_record *record, uint8_t bytes[RECORD_SIZE]);
void tally_encode(const struct journal_tally *tally, uint64_t id, uint32_t index, uint8_t bytes[TALLY_SIZE]);
void mark_encode(uint32_t absorbed, uint64_t id, uint8_t bytes[MARK_SIZE]);

/* SV_OK; SV_DAMAGED; SV_UNSUPPORTED: whole, but of a later version. */
enum sv_status header_decode(const uint8_t bytes[HEADER_SIZE], struct journal_header *header);

/* False unless the bytes are whole and all values are ones that this version writes. */
bool record_decode(const uint8_t bytes[RECORD_SIZE], uint32_t index, struct journal_record *record);
bool tally_decode(const uint8_t bytes[TALLY_SIZE], uint64_t id, uint32_t index, struct journal_tally *tally);

/* How many records the ledger has, or 0. */
uint32_t mark_decode(const uint8_t bytes[MARK_SIZE], uint64_t id);

/* SV_OK, or SV_MALFORMED as sv_ras_record says. On success what is not valid is made 0. */
enum sv_status error_normalise(struct sv_memory_error *error);

#endif
