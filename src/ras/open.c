/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opening a journal, before the guest runs. Everything that changes names is done while the directory is
 * locked, and the new file is whole and synced before it takes the name: whenever this is killed, the name
 * stands for one whole journal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "directory.h"
#include "journal.h"
#include "pages.h"

/* So many files may wait beside a journal for somebody to look at them. */
#define ASIDE_MAX 99

static enum sv_status refuse(struct sv_ras_opening *opening, enum sv_status status, const char *path,
			     const char *why)
{
	int error = errno;

	snprintf(opening->text, sizeof(opening->text), "%s: %s%s%s", path, why,
		 status == SV_SYSTEM ? ": " : "", status == SV_SYSTEM ? strerror(error) : "");
	errno = error;
	return status;
}

uint32_t journal_latest(struct journal_scan *scan, const uint8_t boot[16])
{
	struct page_set set;
	uint32_t count = 0;

	if (!scan->valid)
		return 0;
	if (!pages_init(&set, scan->valid))
		return PAGES_NONE;
	for (uint32_t i = 0; i < scan->used; i++) {
		struct journal_record record = scan->records[i];
		uint64_t page;
		uint32_t number;

		if (!record.sighting || memcmp(record.boot, boot, sizeof(record.boot)))
			continue;
		if (scan->tallies[i].count > record.count)
			record.count = scan->tallies[i].count;
		number = pages_add(&set, sv_ras_identify(&record.error, &page) | page);
		/* number <= i: what is overwritten was read. */
		scan->records[number] = record;
		count = atomic_load(&set.count);
	}
	pages_free(&set);
	return count;
}

static int write_zeros(int fd, uint64_t size)
{
	static const uint8_t zeros[65536];

	/* Reserves it in one piece where the file system can; the zeros alone would do. */
	if (fallocate(fd, 0, 0, (off_t)size) && errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	/* An extent that was only reserved would cost each first write a change of metadata too. */
	for (uint64_t at = 0; at < size;) {
		size_t chunk = size - at < sizeof(zeros) ? (size_t)(size - at) : sizeof(zeros);
		ssize_t written = pwrite(fd, zeros, chunk, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? errno : EIO;
		at += (uint64_t)written;
	}
	return 0;
}

static int write_header(struct journal *journal)
{
	uint8_t bytes[HEADER_SIZE];
	off_t at = journal->header.generation % 2 ? HEADER_SIZE : 0;

	header_encode(&journal->header, bytes);
	errno = 0;
	if (pwrite(journal->fd, bytes, sizeof(bytes), at) != (ssize_t)sizeof(bytes))
		return errno ? errno : EIO;
	return fsync(journal->fd) ? errno : 0;
}

/* Both descriptors of the file at path; the lock is the first one's. 0 or errno. */
static int open_both(struct journal *journal, const char *path, int flags)
{
	journal->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | flags, 0600);
	if (journal->fd < 0)
		return errno;
	if (flock(journal->fd, LOCK_EX | LOCK_NB))
		return errno;
	journal->sync_fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_DSYNC);
	return journal->sync_fd < 0 ? errno : 0;
}

/* Writes the whole new file under its temporary name: 0 or errno. */
static int fill(struct journal *journal, struct journal_scan *scan, uint32_t carried)
{
	int error = write_zeros(journal->fd, JOURNAL_SIZE(journal->header.capacity));

	/* The records before the header: they need no waiting each, and fsync is for all. */
	for (uint32_t i = 0; i < carried && !error; i++) {
		struct journal_record record = scan->records[i];
		uint8_t bytes[RECORD_SIZE];

		record.sighting = RECORD_CARRIED;
		record.index = journal->next++;
		record.id = journal->header.id;
		record.threshold = 0;
		record.action = 0;
		scan->records[i] = record;
		record_encode(&record, bytes);
		errno = 0;
		if (pwrite(journal->fd, bytes, sizeof(bytes), (off_t)RECORD_AT(record.index)) !=
		    (ssize_t)sizeof(bytes))
			error = errno ? errno : EIO;
	}
	return error ? error : write_header(journal);
}

/* Gives the file at path a second name, which is in opening->aside then: 0 or errno. */
static int link_aside(const char *path, const char *kind, struct sv_ras_opening *opening)
{
	for (unsigned n = 1; n <= ASIDE_MAX; n++) {
		int length = snprintf(opening->aside, sizeof(opening->aside), "%s.%s-%u", path, kind, n);

		if ((size_t)length >= sizeof(opening->aside)) {
			opening->aside[0] = 0;
			return ENAMETOOLONG;
		}
		if (!link(path, opening->aside))
			return 0;
		if (errno == EEXIST)
			continue;
		/* A file system without links: for an instant the name stands for nothing. */
		if ((errno == EPERM || errno == EOPNOTSUPP) && access(opening->aside, F_OK) &&
		    !rename(path, opening->aside))
			return 0;
		opening->aside[0] = 0;
		return errno;
	}
	opening->aside[0] = 0;
	return EEXIST;
}

/*
 * Makes a new journal under path, with the first carried records of *scan. aside is how to name the one
 * that is there ("damaged", "full"), or NULL if it may go.
 */
static enum sv_status create(struct journal *journal, const char *path, int directory,
			     struct journal_scan *scan, uint32_t carried, const char *aside,
			     struct sv_ras_opening *opening)
{
	struct timespec now;
	char *made = NULL;
	int error;

	clock_gettime(CLOCK_REALTIME, &now);
	journal->header.generation = 0;
	journal->header.created_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	journal->next = 0;
	do {
		if (getrandom(&journal->header.id, sizeof(journal->header.id), 0) < 0)
			return refuse(opening, SV_SYSTEM, path, "no random number for the new journal");
	} while (!journal->header.id);
	if (asprintf(&made, "%s.new", path) < 0)
		return refuse(opening, SV_SYSTEM, path, "cannot be made");
	error = open_both(journal, made, O_CREAT | O_TRUNC | O_NOFOLLOW);
	if (!error)
		error = fill(journal, scan, carried);
	if (!error && aside)
		error = link_aside(path, aside, opening);
	if (!error && rename(made, path))
		error = errno;
	if (!error && directory >= 0 && fsync(directory))
		error = errno;
	if (error)
		unlink(made);
	free(made);
	errno = error;
	if (error == EEXIST)
		return refuse(
			opening, SV_SYSTEM, path,
			"is set aside, but too many are already; let the ledger read them (\"salvage ledger "
			"list\") and remove them");
	return error ? refuse(opening, SV_SYSTEM, path, "the journal cannot be made") : SV_OK;
}

/* Decides what to do with the journal that is there, locked and scanned. */
static enum sv_status take_over(struct journal *journal, const char *path, int directory, uint32_t reserve,
				struct journal_scan *scan, struct sv_ras_opening *opening)
{
	const struct journal_header wanted = journal->header;
	const char *why = scan->damage;
	enum sv_status status;
	uint32_t carried;
	int old = journal->fd, old_sync = journal->sync_fd;

	if (scan->header_status == SV_UNSUPPORTED)
		return refuse(opening, SV_UNSUPPORTED, path, "is a journal of a later version of salvage");
	if (scan->header_status == SV_OK && memcmp(scan->header.vm, wanted.vm, sizeof(wanted.vm)))
		return refuse(opening, SV_OVERLAP, path, "is the journal of another VM; give each its own");
	carried = journal_latest(scan, wanted.boot);
	if (carried == PAGES_NONE)
		return refuse(opening, SV_SYSTEM, path, "the journal cannot be read");
	opening->restored = carried;
	if (!why && scan->header.capacity - scan->used + carried >= reserve) {
		bool same = !memcmp(scan->header.boot, wanted.boot, sizeof(wanted.boot)) &&
			    !memcmp(scan->header.host_boot, wanted.host_boot, sizeof(wanted.host_boot));

		journal->header = scan->header;
		journal->next = scan->used;
		memcpy(journal->header.boot, wanted.boot, sizeof(wanted.boot));
		memcpy(journal->header.host_boot, wanted.host_boot, sizeof(wanted.host_boot));
		if (!same) {
			journal->header.generation++;
			errno = write_header(journal);
			if (errno)
				return refuse(opening, SV_SYSTEM, path, "cannot be written");
		}
		return SV_OK;
	}
	journal->fd = journal->sync_fd = -1;
	if (why)
		status = create(journal, path, directory, scan, carried, "damaged", opening);
	else
		status = create(journal, path, directory, scan, carried,
				scan->absorbed >= scan->used ? NULL : "full", opening);
	if (status == SV_OK && opening->aside[0])
		snprintf(opening->text, sizeof(opening->text),
			 "%s: %s; %u of its records can be read; it was set aside as %s and a new one begun",
			 path, why ? why : "no room is left in it", scan->valid, opening->aside);
	close(old);
	close(old_sync);
	return status;
}

enum sv_status journal_open(struct journal *journal, const char *path, const struct journal_header *header,
			    uint32_t reserve, struct journal_scan *scan, struct sv_ras_opening *opening)
{
	int directory = directory_lock(path), error;
	enum sv_status status;

	memset(scan, 0, sizeof(*scan));
	*journal = (struct journal){.header = *header, .fd = -1, .sync_fd = -1, .write = pwrite};
	error = open_both(journal, path, 0);
	if (error == ENOENT) {
		status = create(journal, path, directory, scan, 0, NULL, opening);
	} else if (error == EWOULDBLOCK) {
		status = refuse(opening, SV_BUSY, path,
				"another process has this journal; give each VM its own");
	} else {
		if (!error)
			error = journal_scan(journal->fd, scan);
		errno = error;
		if (error)
			status = refuse(opening, SV_SYSTEM, path, "the journal cannot be opened");
		else
			status = take_over(journal, path, directory, reserve, scan, opening);
	}
	error = errno;
	if (directory >= 0)
		close(directory);
	if (status != SV_OK) {
		journal_close(journal);
		journal_scan_free(scan);
	}
	errno = error;
	return status;
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	if (journal->sync_fd >= 0)
		close(journal->sync_fd);
}
