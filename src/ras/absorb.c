/* SPDX-License-Identifier: BSD-2-Clause */
/* From journals to the ledger. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../name.h"
#include "journal.h"
#include "ledger-private.h"

static const char *const sighting_names[] = {
	[RECORD_NEW] = "new",
	[RECORD_CONFIRMED] = "confirmed",
	[RECORD_NO_PAGE] = "no-page",
	[RECORD_CARRIED] = "carried",
};

/* The rows that a record hangs on. */
static enum sv_status find_boot(struct sv_ledger *ledger, const struct journal_scan *scan,
				const struct journal_record *record, int64_t *boot)
{
	bool named = scan->header_status == SV_OK && !memcmp(scan->header.vm, record->vm, 16);
	bool here = named && !memcmp(scan->header.boot, record->boot, 16);
	char vm_text[37], boot_text[37], host[37];
	enum sv_status status;

	sv_ras_id_text(record->vm, vm_text);
	sv_ras_id_text(record->boot, boot_text);
	sv_ras_id_text(scan->header.host_boot, host);
	status = ledger_run(ledger,
			    "INSERT INTO vms (uuid, name) VALUES (?1, ?2) ON CONFLICT (uuid) DO UPDATE"
			    " SET name = ?2 WHERE ?2 != ?1 AND name != ?2",
			    "ss", vm_text, named ? scan->header.name : vm_text);
	if (status == SV_OK)
		status = ledger_run(
			ledger,
			"INSERT INTO boots (vm, uuid, host_boot) VALUES ((SELECT id FROM vms WHERE uuid ="
			" ?1), ?2, ?3) ON CONFLICT (vm, uuid) DO UPDATE SET host_boot = ?3 WHERE ?3 NOT NULL",
			"sss", vm_text, boot_text, here ? host : NULL);
	if (status == SV_OK)
		status = ledger_value(
			ledger, boot,
			"SELECT boots.id FROM boots JOIN vms ON vms.id = vm WHERE vms.uuid = ?1 AND"
			" boots.uuid = ?2",
			"ss", vm_text, boot_text);
	return status;
}

static enum sv_status put_page(struct sv_ledger *ledger, int64_t boot, const struct journal_record *record,
			       int64_t *id)
{
	const struct sv_memory_error *error = &record->error;
	enum sv_status status;
	char address[LEDGER_HEX];
	const char *kind;
	uint64_t page;

	kind = sv_ras_kind_name(sv_ras_identify(error, &page));
	ledger_hex(page, address);
	status = ledger_run(
		ledger,
		"INSERT INTO pages (boot, kind, address, inferred, source, count, first_ns, last_ns)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (boot, kind, address) DO UPDATE SET"
		" inferred = min(inferred, ?4), count = max(count, ?6), first_ns = min(first_ns, ?7),"
		" last_ns = max(last_ns, ?7)",
		"issisii", boot, kind, address, (int64_t) !!(error->valid & SV_RAS_INFERRED),
		sv_ras_source_name(error->source), (int64_t)record->count, (int64_t)error->realtime_ns);
	if (status == SV_OK)
		status = ledger_value(ledger, id,
				      "SELECT id FROM pages WHERE boot = ?1 AND kind = ?2 AND address = ?3",
				      "iss", boot, kind, address);
	return status;
}

static enum sv_status put_sighting(struct sv_ledger *ledger, int64_t page, const char *journal,
				   const struct journal_record *record)
{
	const struct sv_memory_error *error = &record->error;
	const uint64_t values[] = {error->esr, error->gpa, error->gva, error->hva, error->pc};
	static const uint8_t bits[] = {SV_RAS_ESR, SV_RAS_GPA, SV_RAS_GVA, SV_RAS_HVA, SV_RAS_PC};
	char text[COUNT(values)][LEDGER_HEX];
	const char *shown[COUNT(values)];

	for (size_t i = 0; i < COUNT(values); i++) {
		ledger_hex(values[i], text[i]);
		shown[i] = error->valid & bits[i] ? text[i] : NULL;
	}
	return ledger_run(
		ledger,
		"INSERT INTO sightings (journal, slot, page, sighting, source, valid, vcpu, esr, gpa, gva,"
		" hva, pc, realtime_ns, monotonic_ns, distinct_pages)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"siissiisssssiii", journal, (int64_t)record->index, page,
		NAME(sighting_names, record->sighting), sv_ras_source_name(error->source),
		(int64_t)error->valid, error->vcpu == SV_RAS_NO_VCPU ? (int64_t)-1 : (int64_t)error->vcpu,
		shown[0], shown[1], shown[2], shown[3], shown[4], (int64_t)error->realtime_ns,
		(int64_t)error->monotonic_ns, (int64_t)record->distinct);
}

static enum sv_status put_decision(struct sv_ledger *ledger, int64_t page, const char *journal,
				   const struct journal_record *record)
{
	const char *action = sv_action_name(record->action);
	char rule[SV_RULE_TEXT];

	if (!record->threshold)
		return SV_OK;
	snprintf(rule, sizeof(rule), "sea:%" PRIu32 "=%s", record->threshold, action);
	return ledger_run(
		ledger,
		"INSERT INTO decisions (page, journal, slot, realtime_ns, distinct_pages, action, rule)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)",
		"isiiiss", page, journal, (int64_t)record->index, (int64_t)record->error.realtime_ns,
		(int64_t)record->distinct, action, rule);
}

/* A count that went on: the record itself has been absorbed, perhaps long ago, or forgotten. */
static enum sv_status put_count(struct sv_ledger *ledger, const char *journal, uint32_t slot,
				const struct journal_tally *tally)
{
	return ledger_run(ledger,
			  "UPDATE pages SET count = max(count, ?3), last_ns = max(last_ns, ?4) WHERE id ="
			  " (SELECT page FROM sightings WHERE journal = ?1 AND slot = ?2) AND count < ?3",
			  "siii", journal, (int64_t)slot, (int64_t)tally->count, (int64_t)tally->last_ns);
}

static enum sv_status put_record(struct sv_ledger *ledger, const struct journal_scan *scan,
				 const char *journal, const struct journal_record *record)
{
	enum sv_status status;
	int64_t boot = 0, page = 0;

	status = find_boot(ledger, scan, record, &boot);
	if (status == SV_OK)
		status = put_page(ledger, boot, record, &page);
	if (status == SV_OK)
		status = put_sighting(ledger, page, journal, record);
	if (status == SV_OK)
		status = put_decision(ledger, page, journal, record);
	return status;
}

/*
 * Records from the ledger's position on; *end is the new position. A last record that cannot be read may be
 * one that is being written: it is looked at again next time.
 */
static enum sv_status put_all(struct sv_ledger *ledger, const struct journal_scan *scan, const char *journal,
			      struct sv_absorption *result, uint32_t *end)
{
	enum sv_status status;
	int64_t absorbed = 0;

	status = ledger_value(ledger, &absorbed, "SELECT absorbed FROM journals WHERE id = ?", "s", journal);
	*end = scan->used;
	while (*end > absorbed && !scan->records[*end - 1].sighting)
		--*end;
	if (*end < absorbed)
		*end = (uint32_t)absorbed;
	for (uint32_t i = (uint32_t)absorbed; i < *end && status == SV_OK; i++) {
		if (!scan->records[i].sighting)
			continue;
		status = put_record(ledger, scan, journal, &scan->records[i]);
		result->records += status == SV_OK;
	}
	for (uint32_t i = 0; i < scan->used && status == SV_OK; i++)
		if (scan->records[i].sighting && scan->tallies[i].count > scan->records[i].count)
			status = put_count(ledger, journal, i, &scan->tallies[i]);
	if (status == SV_OK && *end > absorbed)
		status = ledger_run(
			ledger,
			"INSERT INTO journals (id, absorbed) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE"
			" SET absorbed = ?2",
			"si", journal, (int64_t)*end);
	return status;
}

static enum sv_status absorb(struct sv_ledger *ledger, int fd, const struct journal_scan *scan,
			     struct sv_absorption *result)
{
	char journal[17];
	uint32_t end = 0, before = result->records;
	enum sv_status status;

	snprintf(journal, sizeof(journal), "%016" PRIx64, scan->header.id);
	status = ledger_begin(ledger);
	if (status != SV_OK)
		return status;
	status = ledger_end(ledger, put_all(ledger, scan, journal, result, &end));
	if (status != SV_OK)
		result->records = before;
	/* Best effort: a file that cannot be marked is only not given free. */
	else if (scan->header_status == SV_OK && end > scan->absorbed)
		journal_mark(fd, end, scan->header.id);
	return status;
}

enum sv_status sv_ledger_absorb(struct sv_ledger *ledger, const char *path, struct sv_absorption *result)
{
	enum sv_status status = SV_OK;
	struct journal_scan scan;
	int fd, error;

	memset(result, 0, sizeof(*result));
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	error = fd < 0 ? errno : journal_scan(fd, &scan);
	if (error) {
		snprintf(ledger->error, sizeof(ledger->error), "%.400s: %s", path, strerror(error));
		if (fd >= 0)
			close(fd);
		errno = error;
		return SV_SYSTEM;
	}
	result->damaged = scan.damaged;
	if (scan.damage)
		snprintf(result->text, sizeof(result->text), "%.150s: %s; %u records can be read", path,
			 scan.damage, scan.valid);
	if (scan.header_status == SV_UNSUPPORTED)
		status = SV_UNSUPPORTED;
	else if (scan.header_status != SV_OK && !scan.valid)
		status = SV_DAMAGED;
	if (status == SV_OK)
		status = absorb(ledger, fd, &scan, result);
	else
		snprintf(ledger->error, sizeof(ledger->error), "%.400s: %s", path,
			 status == SV_DAMAGED ? "is no journal, or nothing in it can be read"
					      : "is a journal of a later version of salvage");
	journal_scan_free(&scan);
	close(fd);
	return status;
}

char *sv_ledger_journal(const char *ledger, const char *vm)
{
	uint8_t id[16];
	char text[37], *path;

	/* The UUID, as a name may hold a slash. */
	if (sv_ras_vm_id(vm, id) != SV_OK)
		return NULL;
	sv_ras_id_text(id, text);
	return asprintf(&path, "%s.%s.journal", ledger, text) < 0 ? NULL : path;
}

enum sv_status sv_ledger_absorb_all(struct sv_ledger *ledger, struct sv_absorption *sum)
{
	static const char *const suffixes[] = {".journal", ".journal.full-*", ".journal.damaged-*"};
	enum sv_status first = SV_OK;
	char why[sizeof(ledger->error)] = "";
	char *quoted = malloc(2 * strlen(ledger->path) + 1), *to = quoted;

	memset(sum, 0, sizeof(*sum));
	for (const char *from = ledger->path; quoted && *from; *to++ = *from++)
		if (strchr("*?[]\\", *from))
			*to++ = '\\';
	if (!quoted)
		return ledger_fail(ledger, "no memory");
	*to = 0;
	for (size_t i = 0; i < COUNT(suffixes); i++) {
		char pattern[8200];
		glob_t found;

		snprintf(pattern, sizeof(pattern), "%s.*%s", quoted, suffixes[i]);
		if (glob(pattern, 0, NULL, &found))
			continue;
		for (size_t n = 0; n < found.gl_pathc; n++) {
			struct sv_absorption one;
			enum sv_status status = sv_ledger_absorb(ledger, found.gl_pathv[n], &one);

			sum->records += one.records;
			sum->damaged += one.damaged;
			if (one.text[0] && !sum->text[0])
				memcpy(sum->text, one.text, sizeof(sum->text));
			if (status != SV_OK && first == SV_OK) {
				first = status;
				memcpy(why, ledger->error, sizeof(why));
			}
		}
		globfree(&found);
	}
	free(quoted);
	if (first != SV_OK)
		memcpy(ledger->error, why, sizeof(why));
	return first;
}
