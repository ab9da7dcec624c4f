/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "recover.h"

/* Records and tallies are read so many bytes at a time. */
#define CHUNK 65536

/* Whether all of size bytes are there; what is not is left zero. */
static bool read_at(int fd, void *data, size_t size, uint64_t offset)
{
	uint8_t *at = data;

	memset(data, 0, size);
	while (size) {
		ssize_t got = pread(fd, at, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		offset += (uint64_t)got;
		size -= (size_t)got;
	}
	return true;
}

static void read_header(int fd, struct journal_scan *scan)
{
	uint8_t bytes[HEADER_SIZE];

	scan->header_status = SV_DAMAGED;
	for (unsigned copy = 0; copy < 2; copy++) {
		struct journal_header header;
		enum sv_status status;

		read_at(fd, bytes, sizeof(bytes), copy * HEADER_SIZE);
		status = header_decode(bytes, &header);
		/* What a later version wrote is not to be written by this one, whatever the other copy is. */
		if (status == SV_UNSUPPORTED)
			scan->header_status = status;
		if (status != SV_OK || scan->header_status == SV_UNSUPPORTED ||
		    (scan->header_status == SV_OK && header.generation < scan->header.generation))
			continue;
		scan->header = header;
		scan->header_status = SV_OK;
	}
}

/* Without a header, the size still says where records end and tallies begin, if nothing was cut off. */
static uint32_t guess_capacity(uint64_t size)
{
	uint64_t capacity = size > RECORDS_AT ? (size - RECORDS_AT) / (RECORD_SIZE + TALLY_SIZE) : 0;

	return capacity > CAPACITY_MAX ? CAPACITY_MAX : (uint32_t)capacity;
}

/* Decodes what is valid among capacity records; returns false if memory ran out. */
static bool read_records(int fd, struct journal_scan *scan)
{
	uint8_t *chunk = malloc(CHUNK);
	struct journal_record *records = calloc(scan->header.capacity + 1, sizeof(*records));
	const uint32_t step = CHUNK / RECORD_SIZE;

	scan->records = records;
	if (!chunk || !records) {
		free(chunk);
		return false;
	}
	for (uint32_t first = 0; first < scan->header.capacity; first += step) {
		uint32_t count = scan->header.capacity - first < step ? scan->header.capacity - first : step;

		read_at(fd, chunk, (size_t)count * RECORD_SIZE, RECORD_AT(first));
		for (uint32_t i = first; i < first + count; i++) {
			const uint8_t *bytes = chunk + (size_t)(i - first) * RECORD_SIZE;

			if (bytes_are_zero(bytes, RECORD_SIZE))
				continue;
			scan->used = i + 1;
			if (record_decode(bytes, i, &records[i]) &&
			    (!scan->header.id || records[i].id == scan->header.id)) {
				scan->header.id = records[i].id;
				scan->valid++;
			} else {
				records[i].sighting = 0;
			}
		}
	}
	free(chunk);
	/* A record that is zero between others was lost as well. */
	scan->damaged = scan->used - scan->valid;
	return true;
}

static bool read_tallies(int fd, struct journal_scan *scan)
{
	uint8_t *bytes = malloc((size_t)scan->used * TALLY_SIZE + 1);

	scan->tallies = calloc(scan->used + 1, sizeof(*scan->tallies));
	if (!bytes || !scan->tallies) {
		free(bytes);
		return false;
	}
	read_at(fd, bytes, (size_t)scan->used * TALLY_SIZE, TALLY_AT(scan->header.capacity, 0));
	for (uint32_t i = 0; i < scan->used; i++) {
		const struct journal_record *record = &scan->records[i];
		struct journal_tally tally;

		scan->tallies[i] = (struct journal_tally){record->count, record->error.realtime_ns};
		if (tally_decode(bytes + (size_t)i * TALLY_SIZE, scan->header.id, i, &tally) &&
		    tally.count > record->count)
			scan->tallies[i] = tally;
	}
	free(bytes);
	return true;
}

int journal_scan(int fd, struct journal_scan *scan)
{
	uint8_t mark[MARK_SIZE];
	struct stat stat;

	memset(scan, 0, sizeof(*scan));
	if (fstat(fd, &stat))
		return errno;
	if (!S_ISREG(stat.st_mode))
		return EINVAL;
	read_header(fd, scan);
	if (scan->header_status != SV_OK) {
		scan->damage = "its header is damaged";
		scan->header.capacity = guess_capacity((uint64_t)stat.st_size);
	} else if ((uint64_t)stat.st_size < JOURNAL_SIZE(scan->header.capacity)) {
		scan->damage = "it is cut short";
	} else if ((uint64_t)stat.st_size > JOURNAL_SIZE(scan->header.capacity)) {
		scan->damage = "it is longer than it says";
	}
	if (!read_records(fd, scan) || !read_tallies(fd, scan)) {
		journal_scan_free(scan);
		return ENOMEM;
	}
	if (!scan->damage && scan->damaged)
		scan->damage = "it holds records that are damaged";
	if (read_at(fd, mark, sizeof(mark), MARK_OFFSET))
		scan->absorbed = mark_decode(mark, scan->header.id);
	return 0;
}

void journal_scan_free(struct journal_scan *scan)
{
	free(scan->records);
	free(scan->tallies);
	scan->records = NULL;
	scan->tallies = NULL;
}
