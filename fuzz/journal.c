/* SPDX-License-Identifier: BSD-2-Clause */
/* A damaged journal, read: what is made of it is bounded, and what is valid is what would be written. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ras/journal.h"

#include "journal-file.h"

static void check_record(const struct journal_scan *scan, uint32_t i)
{
	const struct journal_record *record = &scan->records[i];
	struct sv_memory_error error = record->error;
	struct journal_record again;
	uint8_t bytes[RECORD_SIZE];
	uint64_t page;

	if (!record->sighting)
		return;
	claim(record->index == i && record->id == scan->header.id);
	claim(record->sighting <= RECORD_CARRIED && record->action < SV_ACTION_COUNT);
	claim(record->error.source < SV_RAS_SOURCE_COUNT && error_normalise(&error) == SV_OK);
	claim(scan->tallies[i].count >= record->count);
	sv_ras_identify(&record->error, &page);
	claim(!(page % SV_RAS_PAGE));
	record_encode(record, bytes);
	memset(&again, 0, sizeof(again));
	claim(record_decode(bytes, i, &again));
	claim(again.count == record->count && again.error.gpa == record->error.gpa &&
	      again.distinct == record->distinct && again.threshold == record->threshold);
}

static void check_scan(struct journal_scan *scan)
{
	uint32_t valid = 0, latest;

	claim(scan->header.capacity <= CAPACITY_MAX && scan->used <= scan->header.capacity);
	claim(scan->valid + scan->damaged == scan->used);
	claim(scan->header_status == SV_OK || scan->header_status == SV_DAMAGED ||
	      scan->header_status == SV_UNSUPPORTED);
	claim(scan->header_status == SV_OK || scan->damage);
	claim(scan->header_status || !scan->header.name[sizeof(scan->header.name) - 1]);
	for (uint32_t i = 0; i < scan->used; i++) {
		valid += !!scan->records[i].sighting;
		check_record(scan, i);
	}
	claim(valid == scan->valid);
	latest = journal_latest(scan, scan->header.boot);
	claim(latest <= valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_journal journal;
	struct fuzz_input input = {data, data + size};
	struct journal_scan scan;
	int fd;

	/* An odd first byte: the input is the file. */
	if (size && data[0] == 'S') {
		fd = open(fuzz_file(data, size), O_RDONLY | O_CLOEXEC);
	} else {
		fuzz_journal_take(&journal, &input);
		fd = open(fuzz_file(journal.bytes, journal.size), O_RDONLY | O_CLOEXEC);
	}
	claim(fd >= 0);
	claim(!journal_scan(fd, &scan));
	check_scan(&scan);
	journal_scan_free(&scan);
	close(fd);
	return 0;
}
