/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the vCPU's thread runs: nothing here allocates, waits for anybody but the disk, or uses more than
 * write(2). The slot of a record that could not be written is used again, so that a record which follows
 * a torn one is proof of damage.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"

static int write_all(const struct journal *journal, int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t written = journal->write(fd, data, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		if (!written)
			return EIO;
		data += written;
		offset += (uint64_t)written;
		size -= (size_t)written;
	}
	return 0;
}

int journal_append(struct journal *journal, struct journal_record *record)
{
	uint8_t bytes[RECORD_SIZE];
	int error;

	if (journal->next >= journal->header.capacity)
		return ENOSPC;
	record->index = journal->next;
	record->id = journal->header.id;
	memcpy(record->vm, journal->header.vm, sizeof(record->vm));
	memcpy(record->boot, journal->header.boot, sizeof(record->boot));
	record_encode(record, bytes);
	error = write_all(journal, journal->sync_fd, bytes, sizeof(bytes), RECORD_AT(record->index));
	if (!error)
		journal->next++;
	return error;
}

int journal_tally(struct journal *journal, uint32_t index, const struct journal_tally *tally)
{
	uint8_t bytes[TALLY_SIZE];

	tally_encode(tally, journal->header.id, index, bytes);
	return write_all(journal, journal->fd, bytes, sizeof(bytes),
			 TALLY_AT(journal->header.capacity, index));
}

int journal_mark(int fd, uint32_t absorbed, uint64_t id)
{
	uint8_t bytes[MARK_SIZE];

	mark_encode(absorbed, id, bytes);
	return write_all(&(struct journal){.write = pwrite}, fd, bytes, sizeof(bytes), MARK_OFFSET);
}
