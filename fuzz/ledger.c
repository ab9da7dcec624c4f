/* SPDX-License-Identifier: BSD-2-Clause */
/* A damaged journal into the ledger: each record once, however often it is absorbed; and the metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <salvage/ledger.h>

#include "ras/ledger-private.h"

#include "journal-file.h"

/* One ledger for all inputs, emptied for each: making one costs more than filling it. */
static struct sv_ledger *ledger(void)
{
	static struct sv_ledger *opened;
	char path[] = "/dev/shm/salvage-fuzz-XXXXXX", text[512];
	int fd;

	if (!opened) {
		fd = mkstemp(path);
		claim(fd >= 0);
		close(fd);
		claim(sv_ledger_open(path, SV_LEDGER_WRITE, &opened, text, sizeof(text)) == SV_OK);
		claim(sqlite3_exec(opened->db, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF", NULL,
				   NULL, NULL) == SQLITE_OK);
		/* It stays open, and is nobody's afterwards. */
		unlink(path);
	}
	claim(sqlite3_exec(
		      opened->db,
		      "DELETE FROM decisions; DELETE FROM sightings; DELETE FROM pages; DELETE FROM boots;"
		      "DELETE FROM vms; DELETE FROM journals",
		      NULL, NULL, NULL) == SQLITE_OK);
	return opened;
}

static long count(struct sv_ledger *opened, const char *query)
{
	sqlite3_stmt *statement;
	long value;

	claim(sqlite3_prepare_v2(opened->db, query, -1, &statement, NULL) == SQLITE_OK);
	claim(sqlite3_step(statement) == SQLITE_ROW);
	value = (long)sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_journal journal;
	struct fuzz_input input = {data, data + size};
	struct sv_absorption first, again;
	struct sv_ledger *opened = ledger();
	static char metrics[65536];
	enum sv_status status;
	const char *path;
	FILE *out;

	fuzz_journal_take(&journal, &input);
	path = fuzz_file(journal.bytes, journal.size);
	status = sv_ledger_absorb(opened, path, &first);
	claim(status == SV_OK || status == SV_DAMAGED || status == SV_UNSUPPORTED);
	claim(memchr(first.text, 0, sizeof(first.text)));
	claim(status == SV_OK || (!first.records && *sv_ledger_error(opened)));
	claim(count(opened, "SELECT count(*) FROM sightings") == first.records);
	claim(!count(opened, "SELECT count(*) FROM sightings WHERE page NOT IN (SELECT id FROM pages)"));
	claim(count(opened, "SELECT count(*) FROM pages") <= first.records);
	if (status)
		return 0;
	claim(sv_ledger_absorb(opened, path, &again) == SV_OK && !again.records);
	out = fmemopen(metrics, sizeof(metrics), "w");
	claim(out && sv_ledger_metrics(opened, NULL, out) == SV_OK);
	fclose(out);
	claim(metrics[0] == '#');
	return 0;
}
