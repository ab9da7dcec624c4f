/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger V1.SQL: what gets from journals into the ledger, what comes out of it, and databases that are not
 * as ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <salvage/ledger.h>
#include <salvage/poison.h>

#include "files.h"
#include "ras/journal.h"
#include "ras/schema.h"

#define PAGE UINT64_C(4096)

static const char *v1_sql;

static int make(void **state)
{
	struct files *files = malloc(sizeof(*files));

	files_make(files);
	*state = files;
	return 0;
}

static int discard(void **state)
{
	files_remove(*state);
	free(*state);
	return 0;
}

static struct sv_ledger *open_ledger(const struct files *files)
{
	struct sv_ledger *ledger;
	char text[512];

	if (sv_ledger_open(files->ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)) != SV_OK || text[0])
		fail_msg("%s", text);
	return ledger;
}

static struct sv_absorption absorb(struct sv_ledger *ledger, const char *path)
{
	struct sv_absorption result;

	if (sv_ledger_absorb(ledger, path, &result) != SV_OK)
		fail_msg("%s", sv_ledger_error(ledger));
	return result;
}

struct sum {
	unsigned pages, latest, inferred, unknown, sightings, rules;
	uint64_t count, last_ns;
	char name[80], rule[80], sighting[20];
	struct sv_memory_error error;
};

static void add_page(void *opaque, const struct sv_ledger_page *page)
{
	struct sum *sum = opaque;

	sum->pages++;
	sum->latest += page->latest;
	sum->inferred += page->inferred;
	sum->unknown += page->kind == SV_RAS_UNKNOWN;
	sum->count += page->count;
	sum->last_ns = page->last_ns > sum->last_ns ? page->last_ns : sum->last_ns;
	snprintf(sum->name, sizeof(sum->name), "%s", page->name);
}

static void add_sighting(void *opaque, const struct sv_ledger_sighting *sighting)
{
	struct sum *sum = opaque;

	sum->sightings++;
	sum->error = sighting->error;
	snprintf(sum->sighting, sizeof(sum->sighting), "%s", sighting->sighting);
	if (sighting->rule) {
		sum->rules++;
		snprintf(sum->rule, sizeof(sum->rule), "%s", sighting->rule);
	}
}

static struct sum sum_of(struct sv_ledger *ledger, const char *vm)
{
	struct sum sum = {0};

	assert_int_equal(sv_ledger_pages(ledger, vm, add_page, &sum), SV_OK);
	assert_int_equal(sv_ledger_sightings(ledger, vm, add_sighting, &sum), SV_OK);
	return sum;
}

static void absorbs_once(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 10, NULL);
	struct sv_ledger *ledger = open_ledger(files);
	struct sv_memory_error nowhere = {.source = SV_RAS_HWPOISON, .vcpu = 3}, guess = error_at(7 * PAGE);
	struct sv_ras_answer answer;
	struct sum sum;

	assert_int_equal(absorb(ledger, files->journal).records, 0);
	for (uint64_t i = 0; i < 3; i++)
		record_at(ras, i * PAGE);
	/* While it is written. */
	assert_int_equal(absorb(ledger, files->journal).records, 3);
	assert_int_equal(absorb(ledger, files->journal).records, 0);
	for (uint64_t i = 0; i < 4; i++)
		record_at(ras, i * PAGE);
	assert_int_equal(absorb(ledger, files->journal).records, 1);
	sum = sum_of(ledger, "guest");
	assert_int_equal(sum.pages, 4);
	assert_int_equal(sum.count, 4);
	/* Counts come with a flush, and only once however often. */
	sv_ras_flush(ras);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(absorb(ledger, files->journal).records, 0);
	assert_int_equal(sum_of(ledger, "guest").count, 7);
	sv_ras_record(ras, &nowhere, &answer);
	guess.valid |= SV_RAS_INFERRED;
	sv_ras_record(ras, &guess, &answer);
	assert_int_equal(absorb(ledger, files->journal).records, 2);
	sum = sum_of(ledger, NULL);
	assert_int_equal(sum.unknown, 1);
	assert_int_equal(sum.inferred, 1);
	record_at(ras, 7 * PAGE);
	assert_int_equal(absorb(ledger, files->journal).records, 1);
	sum = sum_of(ledger, NULL);
	assert_int_equal(sum.inferred, 0);
	assert_int_equal(sum.pages, 6);
	assert_int_equal(sum.count, 10);
	assert_int_equal(sum.sightings, 7);
	assert_string_equal(sum.name, "guest");
	assert_int_equal(sum_of(ledger, "other").pages, 0);
	sv_ras_close(ras);
	sv_ledger_close(ledger);
}

static void keeps_every_field(void **state)
{
	const struct files *files = *state;
	static const struct sv_memory_error error = {
		.source = SV_RAS_SEA_INSN,
		.valid = SV_RAS_GPA | SV_RAS_GVA | SV_RAS_HVA | SV_RAS_PC | SV_RAS_ESR,
		.vcpu = 5,
		.esr = 0x82000010,
		.gpa = 0xfedcba9876543000,
		.gva = 0xffff800012345678,
		.hva = 0x7fff12345000,
		.pc = 0xffff800012345678,
		.realtime_ns = 1800000000123456789,
		.monotonic_ns = 42,
	};
	struct sv_rule rules[1] = {{.selector = SV_SELECT_CAUSE,
				    .cause = SV_CAUSE_SEA,
				    .threshold = 1,
				    .action = SV_ACTION_DUMP,
				    .text = "sea:1=dump"}};
	struct sv_policy policy = {rules, 1, 1};
	struct sv_ras_config config = {.vm = "guest", .journal = files->journal, .policy = &policy};
	struct sv_ledger *ledger = open_ledger(files);
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	uint8_t found[RECORD_SIZE], wanted[RECORD_SIZE];
	struct sv_ras *ras;
	struct sum sum;

	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	sv_ras_record(ras, &error, &answer);
	sv_ras_close(ras);
	absorb(ledger, files->journal);
	sum = sum_of(ledger, NULL);
	/* By the journal's bytes, as the structure has holes. */
	record_encode(&(struct journal_record){.error = sum.error}, found);
	record_encode(&(struct journal_record){.error = error}, wanted);
	assert_memory_equal(found, wanted, RECORD_SIZE);
	assert_string_equal(sum.rule, "sea:1=dump");
	assert_string_equal(sum.sighting, "new");
	assert_int_equal(sum.last_ns, error.realtime_ns);
	sv_ledger_close(ledger);
}

/* A journal that is absorbed may be replaced; one that is not is kept, and found. */
static void makes_room(void **state)
{
	const struct files *files = *state;
	struct sv_ledger *ledger = open_ledger(files);
	char *journal = sv_ledger_journal(files->ledger, "guest");
	struct sv_ras_opening opening;
	struct sv_absorption result;
	struct sv_ras *ras;
	unsigned starts;

	for (starts = 0; starts < 20; starts++) {
		ras = ras_at(journal, 0, 4, &opening);
		assert_string_equal(opening.aside, "");
		for (uint64_t i = 0; i < 4; i++)
			record_at(ras, i * PAGE);
		sv_ras_close(ras);
		assert_int_equal(sv_ledger_absorb_all(ledger, &result), SV_OK);
		assert_int_equal(result.records, 4);
	}
	for (; starts < 40; starts++) {
		ras = ras_at(journal, 0, 4, &opening);
		for (uint64_t i = 0; i < 4; i++)
			record_at(ras, i * PAGE);
		sv_ras_close(ras);
	}
	assert_true(files_count(files, "ledger.") > 3);
	assert_int_equal(sv_ledger_absorb_all(ledger, &result), SV_OK);
	assert_int_equal(result.records, 80);
	assert_int_equal(sum_of(ledger, "guest").pages, 160);
	assert_int_equal(sum_of(ledger, "guest").latest, 4);
	free(journal);
	sv_ledger_close(ledger);
}

static void absorbs_what_is_left(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 10, NULL);
	struct sv_ledger *ledger = open_ledger(files);
	struct sv_absorption result;
	char zeros[1024] = {0};
	int fd;

	for (uint64_t i = 0; i < 5; i++)
		record_at(ras, i * PAGE);
	sv_ras_close(ras);
	fd = open(files->journal, O_WRONLY);
	/* Both headers, and the middle of the second record. */
	assert_int_equal(pwrite(fd, zeros, 1024, 0), 1024);
	assert_int_equal(pwrite(fd, "x", 1, RECORD_AT(1) + 60), 1);
	close(fd);
	result = absorb(ledger, files->journal);
	assert_int_equal(result.records, 4);
	assert_int_equal(result.damaged, 1);
	assert_non_null(strstr(result.text, "header is damaged"));
	assert_int_equal(absorb(ledger, files->journal).records, 0);
	/* A name is not known then; the UUID is. */
	assert_int_equal(sum_of(ledger, "guest").pages, 4);
	fd = open(files->journal, O_WRONLY | O_TRUNC);
	close(fd);
	assert_int_equal(sv_ledger_absorb(ledger, files->journal, &result), SV_DAMAGED);
	assert_int_equal(sv_ledger_absorb(ledger, "/nonexistent", &result), SV_SYSTEM);
	assert_int_equal(sv_ledger_absorb(ledger, "/tmp", &result), SV_SYSTEM);
	sv_ledger_close(ledger);
}

/* A last record that is half there is one that is being written; one before others is lost. */
static void absorbs_what_is_being_written(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 10, NULL);
	struct sv_ledger *ledger = open_ledger(files);
	char whole[RECORD_SIZE];
	int fd;

	for (uint64_t i = 0; i < 3; i++)
		record_at(ras, i * PAGE);
	fd = open(files->journal, O_RDWR);
	assert_int_equal(pread(fd, whole, sizeof(whole), RECORD_AT(2)), sizeof(whole));
	assert_int_equal(pwrite(fd, "", 1, RECORD_AT(2)), 1);
	assert_int_equal(absorb(ledger, files->journal).records, 2);
	assert_int_equal(pwrite(fd, whole, sizeof(whole), RECORD_AT(2)), sizeof(whole));
	assert_int_equal(absorb(ledger, files->journal).records, 1);
	record_at(ras, 3 * PAGE);
	record_at(ras, 4 * PAGE);
	assert_int_equal(pwrite(fd, "", 1, RECORD_AT(3)), 1);
	assert_int_equal(absorb(ledger, files->journal).records, 1);
	assert_int_equal(absorb(ledger, files->journal).records, 0);
	assert_int_equal(sum_of(ledger, NULL).pages, 4);
	close(fd);
	sv_ras_close(ras);
	sv_ledger_close(ledger);
}

static void forgets(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 10, NULL);
	struct sv_ledger *ledger = open_ledger(files);
	uint64_t gpa = 2 * PAGE + 5, other = 77 * PAGE;
	uint32_t removed;

	for (uint64_t i = 0; i < 5; i++)
		record_at(ras, i * PAGE);
	absorb(ledger, files->journal);
	assert_int_equal(sv_ledger_forget(ledger, "guest", &gpa, &removed), SV_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(sv_ledger_forget(ledger, "guest", &other, &removed), SV_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(sv_ledger_forget(ledger, "other", NULL, &removed), SV_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(sv_ledger_forget(ledger, "", NULL, &removed), SV_MALFORMED);
	/* What the journal still holds stays forgotten, with its counts; what is new does not. */
	for (uint64_t i = 0; i < 6; i++)
		record_at(ras, i * PAGE);
	sv_ras_close(ras);
	assert_int_equal(absorb(ledger, files->journal).records, 1);
	assert_int_equal(sum_of(ledger, "guest").pages, 5);
	assert_int_equal(sum_of(ledger, "guest").sightings, 5);
	assert_int_equal(sum_of(ledger, "guest").count, 9);
	assert_int_equal(sv_ledger_forget(ledger, "guest", NULL, &removed), SV_OK);
	assert_int_equal(removed, 5);
	assert_int_equal(sum_of(ledger, NULL).sightings, 0);
	sv_ledger_close(ledger);
}

static void adds(void **state)
{
	struct sv_ledger *ledger = open_ledger(*state);
	struct sv_poison *poison = sv_poison_new(8);
	uint32_t added;

	for (uint64_t i = 1; i < 4; i++)
		sv_poison_add(poison, i * PAGE);
	assert_int_equal(sv_ledger_add(ledger, "guest", poison, &added), SV_OK);
	assert_int_equal(added, 3);
	assert_int_equal(sv_ledger_add(ledger, "guest", poison, &added), SV_OK);
	assert_int_equal(added, 0);
	sv_poison_add(poison, 0);
	assert_int_equal(sv_ledger_add(ledger, "guest", poison, &added), SV_OK);
	assert_int_equal(added, 1);
	assert_int_equal(sum_of(ledger, "guest").pages, 4);
	assert_int_equal(sum_of(ledger, "guest").latest, 4);
	sv_poison_free(poison);
	sv_ledger_close(ledger);
}

/* Runs sql on the database file, which need not be a ledger. */
static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *error = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s", error);
	sqlite3_close(db);
}

static void make_v1(const struct files *files)
{
	FILE *file = fopen(v1_sql, "r");
	char sql[8192];

	assert_non_null(file);
	sql[fread(sql, 1, sizeof(sql) - 1, file)] = 0;
	fclose(file);
	run_sql(files->ledger, sql);
}

static void migrates(void **state)
{
	const struct files *files = *state;
	struct sv_ledger *ledger;
	char text[512];
	struct sum sum;

	make_v1(files);
	/* Who only reads does not change it. */
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_READ, &ledger, text, sizeof(text)),
			 SV_UNSUPPORTED);
	assert_non_null(strstr(text, "migrates"));
	ledger = open_ledger(files);
	sum = sum_of(ledger, "01234567-89ab-cdef-0123-456789abcdef");
	assert_int_equal(sum.pages, 2);
	assert_int_equal(sum.count, 8);
	assert_int_equal(sum.sightings, 2);
	assert_int_equal(sum.rules, 1);
	assert_string_equal(sum.rule, "sea:2=restart");
	assert_string_equal(sum.name, "old");
	sv_ledger_close(ledger);
	/* Again: nothing is left to do. */
	ledger = open_ledger(files);
	assert_int_equal(sum_of(ledger, NULL).rules, 1);
	sv_ledger_close(ledger);
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_READ, &ledger, text, sizeof(text)), SV_OK);
	sv_ledger_close(ledger);
}

static int collect_schema(void *opaque, int columns, char **values, char **names)
{
	char *text = opaque;

	for (char *from = values[0]; *from; from++)
		if (*from != ' ' && *from != '\n' && strlen(text) < 8000)
			strncat(text, from, 1);
	return 0;
}

/* The file in the tests is what step 1 of the code makes: neither has changed without the other. */
static void version_1_is_version_1(void **state)
{
	const struct files *files = *state;
	static const char query[] = "SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name";
	static char of_file[8192], of_code[8192];
	sqlite3 *db;

	make_v1(files);
	assert_int_equal(sqlite3_open(files->ledger, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, query, collect_schema, of_file, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(schema_migrate(db, 1), SV_OK);
	assert_int_equal(schema_version(db), 1);
	assert_int_equal(sqlite3_exec(db, query, collect_schema, of_code, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_string_equal(of_file, of_code);
}

/* A step that fails leaves the version before it. */
static void migration_is_whole(void **state)
{
	const struct files *files = *state;
	struct sv_ledger *ledger;
	char text[512];

	make_v1(files);
	run_sql(files->ledger, "CREATE TABLE decisions_page (x)");
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)),
			 SV_SYSTEM);
	assert_non_null(strstr(text, "migrated"));
	run_sql(files->ledger, "DROP TABLE decisions_page");
	ledger = open_ledger(files);
	assert_int_equal(sum_of(ledger, NULL).rules, 1);
	sv_ledger_close(ledger);
}

static void later_version(void **state)
{
	const struct files *files = *state;
	struct sv_ledger *ledger;
	char text[512];

	sv_ledger_close(open_ledger(files));
	run_sql(files->ledger, "PRAGMA user_version = 3");
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)),
			 SV_UNSUPPORTED);
	assert_non_null(strstr(text, "later version"));
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_READ, &ledger, text, sizeof(text)),
			 SV_UNSUPPORTED);
	assert_null(ledger);
	assert_int_equal(files_count(files, "ledger.damaged"), 0);
}

static void damaged(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 200, NULL);
	struct sv_ledger *ledger = open_ledger(files);
	char text[512], junk[4096];
	off_t size;
	int fd;

	for (uint64_t i = 0; i < 200; i++)
		record_at(ras, i * PAGE);
	sv_ras_close(ras);
	absorb(ledger, files->journal);
	sv_ledger_close(ledger);
	memset(junk, 0x5a, sizeof(junk));
	fd = open(files->ledger, O_RDWR);
	size = lseek(fd, 0, SEEK_END);
	for (off_t at = 4096; at < size; at += 8192)
		assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
	close(fd);
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_READ, &ledger, text, sizeof(text)),
			 SV_DAMAGED);
	assert_int_equal(files_count(files, "ledger.damaged"), 0);
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)), SV_OK);
	assert_non_null(strstr(text, "set aside as"));
	assert_int_equal(files_count(files, "ledger.damaged-1"), 1);
	/* The journal is still there: nothing is lost with the database. */
	assert_int_equal(absorb(ledger, files->journal).records, 200);
	sv_ledger_close(ledger);
	/* No database at all; the first one set aside is not overwritten. */
	fd = open(files->ledger, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)), SV_OK);
	assert_non_null(strstr(text, "damaged-2"));
	sv_ledger_close(ledger);
}

/* A writer in the middle of a transaction: readers see what was before, and do not wait. */
static void readers_do_not_wait(void **state)
{
	const struct files *files = *state;
	struct sv_ras *ras = ras_at(files->journal, 1, 10, NULL);
	struct sv_ledger *writer = open_ledger(files), *reader;
	char text[512];
	sqlite3 *db;

	record_at(ras, 0);
	sv_ras_close(ras);
	absorb(writer, files->journal);
	assert_int_equal(sqlite3_open(files->ledger, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE; DELETE FROM pages", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sv_ledger_open(files->ledger, SV_LEDGER_READ, &reader, text, sizeof(text)), SV_OK);
	assert_int_equal(sum_of(reader, NULL).pages, 1);
	sqlite3_close(db);
	sv_ledger_close(reader);
	sv_ledger_close(writer);
}

static void metrics(void **state)
{
	static const char expected[] =
		"# HELP salvage_memory_errors_total Memory errors that the guest met, repeats included.\n"
		"# TYPE salvage_memory_errors_total counter\n"
		"salvage_memory_errors_total{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\"} 6\n"
		"# HELP salvage_memory_errors_unknown_total Memory errors without any address, which no threshold counts.\n"
		"# TYPE salvage_memory_errors_unknown_total counter\n"
		"salvage_memory_errors_unknown_total{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\"} 2\n"
		"# HELP salvage_memory_bad_pages Distinct bad pages of 4 KiB in the VM's latest start, by what they are "
		"known by (gpa, gva).\n"
		"# TYPE salvage_memory_bad_pages gauge\n"
		"salvage_memory_bad_pages{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\",address=\"gpa\",inferred=\"no\"} 2\n"
		"salvage_memory_bad_pages{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\",address=\"gva\",inferred=\"yes\"} 1\n"
		"# HELP salvage_memory_new_pages_total Bad pages found in all starts of the VM, by who reported them "
		"first.\n"
		"# TYPE salvage_memory_new_pages_total counter\n"
		"salvage_memory_new_pages_total{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\",source=\"sea-data\"} 3\n"
		"# HELP salvage_memory_decisions_total Thresholds of distinct pages that were reached, by action.\n"
		"# TYPE salvage_memory_decisions_total counter\n"
		"salvage_memory_decisions_total{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\",action=\"stop\"} 2\n"
		"# HELP salvage_memory_last_error_timestamp_seconds When the last error was seen.\n"
		"# TYPE salvage_memory_last_error_timestamp_seconds gauge\n"
		"salvage_memory_last_error_timestamp_seconds{vm=\"a \\\"b\\\" \\\\ \\n\",uuid=\"UUID\"} 1800000000.123\n";
	const struct files *files = *state;
	static const char name[] = "a \"b\" \\ \n";
	struct sv_rule rules[1] = {{.selector = SV_SELECT_CAUSE,
				    .cause = SV_CAUSE_SEA,
				    .threshold = 2,
				    .action = SV_ACTION_STOP}};
	struct sv_policy policy = {rules, 1, 1};
	struct sv_ras_config config = {.vm = name, .journal = files->journal, .policy = &policy};
	struct sv_memory_error guess = {.valid = SV_RAS_GVA | SV_RAS_INFERRED, .gva = 7, .realtime_ns = 9},
			       nowhere = {.realtime_ns = 1800000000123456789};
	struct sv_ledger *ledger = open_ledger(files);
	char text[8192] = "", uuid[37], *wanted = strdup(expected), *at;
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	struct sv_ras *ras;
	uint8_t id[16];
	FILE *out;

	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	record_at(ras, 0);
	record_at(ras, PAGE);
	record_at(ras, PAGE);
	sv_ras_record(ras, &guess, &answer);
	sv_ras_record(ras, &nowhere, &answer);
	sv_ras_record(ras, &nowhere, &answer);
	sv_ras_close(ras);
	absorb(ledger, files->journal);
	out = fmemopen(text, sizeof(text), "w");
	assert_int_equal(sv_ledger_metrics(ledger, NULL, out), SV_OK);
	fclose(out);
	sv_ras_vm_id(name, id);
	sv_ras_id_text(id, uuid);
	while ((at = strstr(text, uuid))) {
		memcpy(at, "UUID", 4);
		memmove(at + 4, at + 36, strlen(at + 36) + 1);
	}
	assert_string_equal(text, wanted);
	free(wanted);
	/* Nothing is a lie of zeros about a VM that is not there. */
	memset(text, 0, sizeof(text));
	out = fmemopen(text, sizeof(text), "w");
	assert_int_equal(sv_ledger_metrics(ledger, "other", out), SV_OK);
	fclose(out);
	assert_null(strchr(text, '{'));
	out = fopen("/dev/full", "w");
	assert_int_equal(sv_ledger_metrics(ledger, NULL, out), SV_SYSTEM);
	fclose(out);
	sv_ledger_close(ledger);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, make, discard)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(absorbs_once),
		WITH_FILES(keeps_every_field),
		WITH_FILES(makes_room),
		WITH_FILES(absorbs_what_is_left),
		WITH_FILES(absorbs_what_is_being_written),
		WITH_FILES(forgets),
		WITH_FILES(adds),
		WITH_FILES(migrates),
		WITH_FILES(version_1_is_version_1),
		WITH_FILES(migration_is_whole),
		WITH_FILES(later_version),
		WITH_FILES(damaged),
		WITH_FILES(readers_do_not_wait),
		WITH_FILES(metrics),
	};

	v1_sql = argv[argc - 1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
