/* SPDX-License-Identifier: BSD-2-Clause */
/* What is read out of the ledger by page and by sighting, and what an operator changes in it. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "../name.h"
#include "ledger-private.h"
#include "poison.h"

#define PAGE_COLUMNS                                                                                       \
	"vms.uuid, vms.name, boots.uuid, kind, address, inferred, pages.source, count, first_ns, last_ns," \
	" boots.id = (SELECT max(id) FROM boots AS b WHERE b.vm = vms.id)"
#define PAGE_TABLES " FROM pages JOIN boots ON boots.id = pages.boot JOIN vms ON vms.id = boots.vm"
#define PAGE_COUNT  11 /* columns */

static const char *text(sqlite3_stmt *row, int column)
{
	const unsigned char *value = sqlite3_column_text(row, column);

	return value ? (const char *)value : "";
}

static uint64_t hex(sqlite3_stmt *row, int column)
{
	return strtoull(text(row, column), NULL, 16);
}

static void copy_id(char id[37], const char *from)
{
	memcpy(id, from, strnlen(from, 36));
	id[strnlen(from, 36)] = 0;
}

static enum sv_ras_kind kind_of(const char *name)
{
	for (int kind = SV_RAS_BY_GPA; kind < SV_RAS_UNKNOWN; kind++)
		if (!strcmp(name, sv_ras_kind_name((enum sv_ras_kind)kind)))
			return (enum sv_ras_kind)kind;
	return SV_RAS_UNKNOWN;
}

static void read_page(sqlite3_stmt *row, struct sv_ledger_page *page)
{
	copy_id(page->vm, text(row, 0));
	page->name = text(row, 1);
	copy_id(page->boot, text(row, 2));
	page->kind = kind_of(text(row, 3));
	page->address = hex(row, 4);
	page->inferred = sqlite3_column_int(row, 5);
	page->source = text(row, 6);
	page->count = (uint64_t)sqlite3_column_int64(row, 7);
	page->first_ns = (uint64_t)sqlite3_column_int64(row, 8);
	page->last_ns = (uint64_t)sqlite3_column_int64(row, 9);
	page->latest = sqlite3_column_int(row, 10);
}

static enum sv_ras_source source_of(const char *name)
{
	int source = 0;

	while (source < SV_RAS_SOURCE_COUNT && strcmp(name, sv_ras_source_name((enum sv_ras_source)source)))
		source++;
	return (enum sv_ras_source)source;
}

static void read_sighting(sqlite3_stmt *row, struct sv_ledger_sighting *sighting)
{
	int at = PAGE_COUNT;

	read_page(row, &sighting->page);
	sighting->sighting = text(row, at++);
	sighting->error.source = (uint8_t)source_of(text(row, at++));
	sighting->error.valid = (uint8_t)sqlite3_column_int(row, at++);
	sighting->error.vcpu = (uint32_t)sqlite3_column_int64(row, at++);
	sighting->error.esr = hex(row, at++);
	sighting->error.gpa = hex(row, at++);
	sighting->error.gva = hex(row, at++);
	sighting->error.hva = hex(row, at++);
	sighting->error.pc = hex(row, at++);
	sighting->error.realtime_ns = (uint64_t)sqlite3_column_int64(row, at++);
	sighting->error.monotonic_ns = (uint64_t)sqlite3_column_int64(row, at++);
	sighting->distinct = (uint32_t)sqlite3_column_int64(row, at++);
	sighting->rule = sqlite3_column_type(row, at) == SQLITE_NULL ? NULL : text(row, at);
}

/* Who is told of rows; one of the two. */
struct listener {
	void (*page)(void *opaque, const struct sv_ledger_page *page);
	void (*sighting)(void *opaque, const struct sv_ledger_sighting *sighting);
	void *opaque;
};

/* A query whose ?1 is the VM's id, or empty for all. */
static enum sv_status tell(struct sv_ledger *ledger, const char *vm, const char *query,
			   const struct listener *listener)
{
	char id[37];
	enum sv_status status = ledger_vm(ledger, vm, id);
	sqlite3_stmt *rows;
	int result;

	if (status != SV_OK)
		return status;
	rows = ledger_query(ledger, query, "s", id);
	if (!rows)
		return SV_SYSTEM;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
		struct sv_ledger_sighting sighting;

		if (listener->page) {
			read_page(rows, &sighting.page);
			listener->page(listener->opaque, &sighting.page);
		} else {
			read_sighting(rows, &sighting);
			listener->sighting(listener->opaque, &sighting);
		}
	}
	status = result == SQLITE_DONE ? SV_OK : ledger_fail(ledger, "cannot be read");
	sqlite3_finalize(rows);
	return status;
}

enum sv_status sv_ledger_pages(struct sv_ledger *ledger, const char *vm,
			       void (*each)(void *opaque, const struct sv_ledger_page *page), void *opaque)
{
	return tell(ledger, vm,
		    "SELECT " PAGE_COLUMNS PAGE_TABLES " WHERE ?1 IN ('', vms.uuid)"
		    " ORDER BY vms.name, vms.uuid, boots.id, kind, address",
		    &(struct listener){.page = each, .opaque = opaque});
}

enum sv_status sv_ledger_sightings(struct sv_ledger *ledger, const char *vm,
				   void (*each)(void *opaque, const struct sv_ledger_sighting *sighting),
				   void *opaque)
{
	return tell(ledger, vm,
		    "SELECT " PAGE_COLUMNS
		    ", s.sighting, s.source, s.valid, s.vcpu, s.esr, s.gpa, s.gva, s.hva,"
		    " s.pc, s.realtime_ns, s.monotonic_ns, s.distinct_pages, d.rule" PAGE_TABLES
		    " JOIN sightings AS s ON s.page = pages.id"
		    " LEFT JOIN decisions AS d ON d.journal = s.journal AND d.slot = s.slot"
		    " WHERE ?1 IN ('', vms.uuid)"
		    " ORDER BY vms.name, vms.uuid, boots.id, s.realtime_ns, s.journal, s.slot",
		    &(struct listener){.sighting = each, .opaque = opaque});
}

/* The VM's latest start, made if there is none. */
static enum sv_status latest_boot(struct sv_ledger *ledger, const char *vm, const char *id, int64_t *boot)
{
	enum sv_status status;
	uint8_t random[16];
	char made[37];

	status = ledger_run(ledger, "INSERT OR IGNORE INTO vms (uuid, name) VALUES (?, ?)", "ss", id, vm);
	*boot = -1;
	if (status == SV_OK)
		status = ledger_value(ledger, boot,
				      "SELECT boots.id FROM boots JOIN vms ON vms.id = vm WHERE vms.uuid = ?"
				      " ORDER BY boots.id DESC LIMIT 1",
				      "s", id);
	if (status != SV_OK || *boot >= 0)
		return status;
	if (getrandom(random, sizeof(random), 0) < 0)
		return ledger_fail(ledger, "no random number");
	sv_ras_id_text(random, made);
	status = ledger_run(ledger,
			    "INSERT INTO boots (vm, uuid) VALUES ((SELECT id FROM vms WHERE uuid = ?), ?)",
			    "ss", id, made);
	*boot = sqlite3_last_insert_rowid(ledger->db);
	return status;
}

static enum sv_status add_pages(struct sv_ledger *ledger, const char *vm, const char *id,
				const struct sv_poison *poison, uint32_t *added)
{
	struct timespec now;
	int64_t boot, ns;
	enum sv_status status = latest_boot(ledger, vm, id, &boot);

	clock_gettime(CLOCK_REALTIME, &now);
	ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	for (size_t i = 0; i <= poison->set.mask && status == SV_OK; i++) {
		uint64_t key = pages_at(&poison->set, i);
		char address[LEDGER_HEX];

		if (!key)
			continue;
		ledger_hex(key - 1, address);
		status = ledger_run(
			ledger,
			"INSERT OR IGNORE INTO pages (boot, kind, address, inferred, source, count,"
			" first_ns, last_ns) VALUES (?1, 'gpa', ?2, 0, ?3, 0, ?4, ?4)",
			"issi", boot, address, sv_ras_source_name(SV_RAS_IMPORT), ns);
		*added += status == SV_OK && sqlite3_changes(ledger->db) > 0;
	}
	return status;
}

enum sv_status sv_ledger_add(struct sv_ledger *ledger, const char *vm, const struct sv_poison *poison,
			     uint32_t *added)
{
	char id[37];
	enum sv_status status = ledger_vm(ledger, vm, id);

	*added = 0;
	if (status == SV_OK)
		status = ledger_begin(ledger);
	if (status == SV_OK)
		status = ledger_end(ledger, add_pages(ledger, vm, id, poison, added));
	if (status != SV_OK)
		*added = 0;
	return status;
}

enum sv_status sv_ledger_forget(struct sv_ledger *ledger, const char *vm, const uint64_t *gpa,
				uint32_t *removed)
{
	char id[37], address[LEDGER_HEX] = "";
	enum sv_status status = ledger_vm(ledger, vm, id);

	*removed = 0;
	if (gpa)
		ledger_hex(*gpa & ~(SV_RAS_PAGE - 1), address);
	if (status == SV_OK)
		status = ledger_run(
			ledger,
			"DELETE FROM pages WHERE boot IN (SELECT boots.id FROM boots JOIN vms ON vms.id = vm"
			" WHERE vms.uuid = ?1) AND (?2 = '' OR (kind = 'gpa' AND address = ?2))",
			"ss", id, address);
	if (status == SV_OK)
		*removed = (uint32_t)sqlite3_changes(ledger->db);
	return status;
}
