/* SPDX-License-Identifier: BSD-2-Clause */
/* sv_ras from outside: what is new, what is a repeat, what survives, and disks that fail. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <salvage/poison.h>
#include <salvage/ras.h>

#include "files.h"
#include "ras/ras.h"

#define PAGE UINT64_C(4096)

static void sightings(void **state)
{
	static const struct {
		unsigned source, valid;
		uint64_t gpa, gva;
		enum sv_ras_sighting sighting;
		uint32_t distinct, inferred;
		uint64_t count;
	} cases[] = {
		{SV_RAS_SEA_DATA, SV_RAS_GPA | SV_RAS_GVA, 0x1000, 0x1000, SV_RAS_NEW, 1, 0, 1},
		{SV_RAS_SEA_DATA, SV_RAS_GPA, 0x1fff, 0, SV_RAS_REPEAT, 1, 0, 2},
		{SV_RAS_SIGBUS_AO, SV_RAS_GPA, 0x2000, 0, SV_RAS_NEW, 2, 0, 1},
		{SV_RAS_SIGBUS_AR, SV_RAS_GPA, 0x2000, 0, SV_RAS_REPEAT, 2, 0, 2},
		{SV_RAS_SEA_INSN, SV_RAS_GVA, 0, 0x1008, SV_RAS_NEW, 3, 0, 1},
		{SV_RAS_SEA_INSN, SV_RAS_GVA, 0, 0x1ff8, SV_RAS_REPEAT, 3, 0, 2},
		{SV_RAS_SEA_DATA, 0, 0x5000, 0x5000, SV_RAS_NO_PAGE, 3, 0, 1},
		{SV_RAS_HWPOISON, 0, 0x6000, 0x6000, SV_RAS_REPEAT, 3, 0, 2},
		{SV_RAS_SEA_DATA, SV_RAS_GPA | SV_RAS_INFERRED, 0x7000, 0, SV_RAS_NEW, 4, 1, 1},
		{SV_RAS_SEA_DATA, SV_RAS_GPA | SV_RAS_INFERRED, 0x7000, 0, SV_RAS_REPEAT, 4, 1, 2},
		{SV_RAS_SEA_DATA, SV_RAS_GPA, 0x7000, 0, SV_RAS_CONFIRMED, 4, 0, 3},
		{SV_RAS_SEA_DATA, SV_RAS_GPA, 0x7000, 0, SV_RAS_REPEAT, 4, 0, 4},
		{SV_RAS_SEA_DATA, SV_RAS_GPA | SV_RAS_INFERRED, 0x7000, 0, SV_RAS_REPEAT, 4, 0, 5},
		{SV_RAS_MEMORY_FAULT, SV_RAS_GPA, 0, 0, SV_RAS_NEW, 5, 0, 1},
		{SV_RAS_IMPORT, SV_RAS_GPA, UINT64_MAX, 0, SV_RAS_NEW, 6, 0, 1},
	};
	struct sv_poison *poison = sv_poison_new(16);
	struct sv_ras_config config = {.vm = "guest", .poison = poison};
	struct sv_ras_opening opening;
	struct sv_ras_state numbers;
	struct sv_ras *ras;
	struct files files;

	/* With a journal and without: the same answers. */
	for (unsigned journal = 0; journal < 2; journal++) {
		files_make(&files);
		config.journal = journal ? files.journal : NULL;
		sv_poison_clear(poison);
		assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
		assert_string_equal(opening.text, "");
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct sv_memory_error error = {.source = (uint8_t)cases[i].source,
							.valid = (uint8_t)cases[i].valid,
							.gpa = cases[i].gpa,
							.gva = cases[i].gva};
			struct sv_ras_answer answer;
			bool certain = (error.valid & (SV_RAS_GPA | SV_RAS_INFERRED)) == SV_RAS_GPA;

			assert_int_equal(sv_ras_record(ras, &error, &answer), SV_OK);
			sv_ras_state(ras, &numbers);
			if (answer.sighting != cases[i].sighting || answer.distinct != cases[i].distinct ||
			    answer.count != cases[i].count || numbers.inferred != cases[i].inferred ||
			    answer.durable != journal || answer.notice || answer.rule)
				fail_msg("case %zu: sighting %u, %u distinct, %llu times, %u inferred", i,
					 answer.sighting, answer.distinct, (unsigned long long)answer.count,
					 numbers.inferred);
			if (certain)
				assert_true(sv_poison_overlaps(poison, error.gpa, 1));
		}
		assert_int_equal(numbers.errors, COUNT(cases));
		assert_int_equal(numbers.unknown, 2);
		assert_int_equal(numbers.unwritten, 0);
		assert_int_equal(sv_poison_count(poison), 5);
		sv_ras_close(ras);
		files_remove(&files);
	}
	sv_poison_free(poison);
}

static void inferred_is_not_shunned(void **state)
{
	struct sv_poison *poison = sv_poison_new(1);
	struct sv_ras_config config = {.vm = "guest", .poison = poison};
	struct sv_memory_error error = error_at(0x1000);
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	struct sv_ras *ras;

	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	error.valid |= SV_RAS_INFERRED;
	sv_ras_record(ras, &error, &answer);
	assert_false(sv_poison_overlaps(poison, 0x1000, 1));
	assert_int_equal(record_at(ras, 0x1000).notice, 0);
	assert_true(sv_poison_overlaps(poison, 0x1000, 1));
	/* Full: said once. */
	assert_int_equal(record_at(ras, 0x2000).notice, SV_RAS_POISON_FULL);
	assert_int_equal(record_at(ras, 0x3000).notice, 0);
	sv_ras_close(ras);
	sv_poison_free(poison);
}

static void refuses(void **state)
{
	static const struct {
		unsigned source, valid;
	} cases[] = {{SV_RAS_SOURCE_COUNT, SV_RAS_GPA},
		     {255, 0},
		     {0, 0x40},
		     {0, 0x80 | SV_RAS_GPA},
		     {0, SV_RAS_INFERRED},
		     {0, SV_RAS_INFERRED | SV_RAS_PC}};
	static struct sv_rule rules[1];
	struct sv_policy policy = {rules, 1, 0};
	struct sv_ras_config config = {.vm = "guest"};
	struct sv_ras *ras = ras_at(NULL, 0, 0, NULL);
	struct sv_ras_opening opening;
	struct sv_rule_error rule_error;
	struct sv_ras_answer answer;
	struct sv_ras_state numbers;
	struct sv_rule rule;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sv_memory_error error = {.source = (uint8_t)cases[i].source,
						.valid = (uint8_t)cases[i].valid};

		assert_int_equal(sv_ras_record(ras, &error, &answer), SV_MALFORMED);
	}
	sv_ras_state(ras, &numbers);
	assert_int_equal(numbers.errors, 0);
	sv_ras_close(ras);
	sv_ras_close(NULL);

	sv_rule_parse("sea:11=stop", 11, &rule, &rule_error);
	sv_policy_add(&policy, &rule, NULL);
	config.policy = &policy;
	config.max_pages = 10;
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_MALFORMED);
	assert_non_null(strstr(opening.text, "sea:11=stop"));
	assert_null(ras);
	config.max_pages = SV_RAS_PAGES_MAX + 1;
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_MALFORMED);
	config.max_pages = 11;
	config.vm = "";
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_MALFORMED);
	config.vm = "guest";
	config.journal = "/nonexistent/journal";
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_SYSTEM);
	assert_int_equal(errno, ENOENT);
	config.journal = "/tmp";
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_SYSTEM);
	config.journal = "/dev/null";
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_SYSTEM);
}

static void decides(void **state)
{
	static const char *const texts[] = {"sea:2=dump", "sea:3=restart"};
	struct sv_rule rules[4];
	struct sv_policy policy = {rules, 4, 0};
	struct sv_ras_config config = {.vm = "guest", .policy = &policy, .max_pages = 4};
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	struct sv_rule_error error;
	struct sv_rule rule;
	struct sv_ras *ras;

	for (size_t i = 0; i < COUNT(texts); i++) {
		sv_rule_parse(texts[i], strlen(texts[i]), &rule, &error);
		sv_policy_add(&policy, &rule, NULL);
	}
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	/* It has rules of its own. */
	memset(rules, 0xff, sizeof(rules));
	assert_null(record_at(ras, PAGE).rule);
	assert_null(record_at(ras, PAGE).rule);
	answer = record_at(ras, 2 * PAGE);
	assert_string_equal(answer.rule->text, "sea:2=dump");
	assert_int_equal(answer.rule->action, SV_ACTION_DUMP);
	/* A guest that was resumed is not stopped again for the page that was decided on. */
	assert_null(record_at(ras, 2 * PAGE).rule);
	assert_string_equal(record_at(ras, 3 * PAGE).rule->text, "sea:3=restart");
	assert_string_equal(record_at(ras, 4 * PAGE).rule->text, "sea:3=restart");
	/* Beyond what is told apart nothing is decided. */
	assert_null(record_at(ras, 5 * PAGE).rule);
	sv_ras_close(ras);
}

static void saturates(void **state)
{
	struct sv_memory_error nowhere = {.source = SV_RAS_HWPOISON};
	struct sv_ras_answer answer;
	struct sv_ras_state numbers;
	struct files files;
	struct sv_ras *ras;
	struct stat before, after;

	files_make(&files);
	ras = ras_at(files.journal, 0, 10, NULL);
	stat(files.journal, &before);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(record_at(ras, i * PAGE).sighting, SV_RAS_NEW);
	assert_int_equal(record_at(ras, 10 * PAGE).notice, SV_RAS_FULL);
	for (uint64_t i = 0; i < 100000; i++) {
		answer = record_at(ras, (10 + i) * PAGE);
		assert_int_equal(answer.sighting, SV_RAS_SATURATED);
		assert_int_equal(answer.notice, 0);
		assert_int_equal(answer.distinct, 10);
		assert_int_equal(answer.count, i + 2);
	}
	/* Known pages and "unknown" go on. */
	assert_int_equal(record_at(ras, 9 * PAGE).count, 2);
	assert_int_equal(sv_ras_record(ras, &nowhere, &answer), SV_OK);
	assert_int_equal(answer.sighting, SV_RAS_NO_PAGE);
	assert_true(answer.durable);
	sv_ras_state(ras, &numbers);
	assert_int_equal(numbers.saturated, 100001);
	assert_int_equal(numbers.distinct, 10);
	sv_ras_close(ras);
	stat(files.journal, &after);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(files_count(&files, "journal"), 1);
	files_remove(&files);
}

static void goes_on(void **state)
{
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	struct files files;
	struct sv_ras *ras;

	files_make(&files);
	ras = ras_at(files.journal, 1, 10, &opening);
	assert_int_equal(opening.boot[0], 1);
	for (uint64_t i = 0; i < 5; i++)
		for (uint64_t n = 0; n <= i; n++)
			record_at(ras, i * PAGE);
	sv_ras_close(ras);
	/* The same start: its pages and counts are known. */
	ras = ras_at(files.journal, 1, 10, &opening);
	assert_int_equal(opening.restored, 5);
	for (uint64_t i = 0; i < 5; i++) {
		answer = record_at(ras, i * PAGE);
		assert_int_equal(answer.sighting, SV_RAS_REPEAT);
		assert_int_equal(answer.count, i + 2);
		assert_true(answer.durable);
	}
	assert_int_equal(record_at(ras, 5 * PAGE).distinct, 6);
	/* One process has it. */
	{
		struct sv_ras_config config = {.vm = "guest", .journal = files.journal};
		struct sv_ras *other;

		assert_int_equal(sv_ras_open(&config, &other, &opening), SV_BUSY);
	}
	sv_ras_close(ras);
	/* A cold start: fresh pages. */
	ras = ras_at(files.journal, 0, 10, &opening);
	assert_int_equal(opening.restored, 0);
	assert_string_equal(opening.text, "");
	answer = record_at(ras, 0);
	assert_int_equal(answer.sighting, SV_RAS_NEW);
	assert_int_equal(answer.distinct, 1);
	sv_ras_close(ras);
	/* Another VM's. */
	{
		struct sv_ras_config config = {.vm = "other", .journal = files.journal};

		assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OVERLAP);
	}
	files_remove(&files);
}

/* Every start leaves pages, and nobody reads them: the old journals are kept, up to a bound. */
static void set_aside_when_full(void **state)
{
	struct sv_ras_opening opening;
	unsigned starts = 0;
	struct files files;
	struct sv_ras *ras;

	files_make(&files);
	do {
		ras = ras_at(files.journal, 0, 4, &opening);
		for (uint64_t i = 0; i < 4; i++)
			assert_true(record_at(ras, i * PAGE).durable);
		sv_ras_close(ras);
		starts++;
	} while (!opening.aside[0] && starts < 100);
	/* Room for 4 * 5 records, of which a start may need 2 * 5. */
	assert_int_equal(starts, 4);
	assert_non_null(strstr(opening.aside, "journal.full-1"));
	assert_int_equal(files_count(&files, "journal"), 2);
	/* The same start carries its pages along, with their counts. */
	for (unsigned i = 0; i < 3; i++)
		record_at(ras = ras_at(files.journal, 7, 4, &opening), 0), sv_ras_close(ras);
	ras = ras_at(files.journal, 7, 9, &opening);
	assert_non_null(strstr(opening.aside, "journal.full-2"));
	assert_int_equal(opening.restored, 1);
	assert_int_equal(record_at(ras, 0).count, 4);
	sv_ras_close(ras);
	files_remove(&files);
}

static unsigned synced, unsynced;

/* What a kill cannot show and a power failure would: how the file that is written to was opened. */
static ssize_t watching_write(int fd, const void *data, size_t size, off_t offset)
{
	if (fcntl(fd, F_GETFL) & O_DSYNC)
		synced++;
	else
		unsynced++;
	return pwrite(fd, data, size, offset);
}

static void durable_writes(void **state)
{
	struct files files;
	struct sv_ras *ras;

	files_make(&files);
	ras = ras_at(files.journal, 0, 10, NULL);
	ras->journal.write = watching_write;
	for (uint64_t i = 0; i < 5; i++) {
		/* One write a first sighting, none a repeat. */
		record_at(ras, i * PAGE);
		for (unsigned n = 0; n < 3; n++)
			record_at(ras, i * PAGE);
		assert_int_equal(synced, i + 1);
	}
	assert_int_equal(unsynced, 0);
	/* Counts need not wait for the disk. */
	sv_ras_flush(ras);
	assert_int_equal(synced, 5);
	assert_int_equal(unsynced, 5);
	sv_ras_flush(ras);
	assert_int_equal(unsynced, 5);
	sv_ras_close(ras);
	files_remove(&files);
}

static int write_error;
static size_t write_limit;

/* A disk that takes write_limit bytes of a record and then fails. */
static ssize_t failing_write(int fd, const void *data, size_t size, off_t offset)
{
	if (!write_error)
		return pwrite(fd, data, size, offset);
	if (write_limit) {
		size = write_limit < size ? write_limit : size;
		write_limit = 0;
		return pwrite(fd, data, size, offset);
	}
	errno = write_error;
	return -1;
}

static void disk_fails(void **state)
{
	static const int errors[] = {ENOSPC, EIO, EDQUOT, EFBIG};

	for (size_t i = 0; i < COUNT(errors); i++) {
		struct sv_ras_opening opening;
		struct sv_ras_answer answer;
		struct sv_ras_state numbers;
		struct files files;
		struct sv_ras *ras;

		files_make(&files);
		write_error = 0;
		ras = ras_at(files.journal, 3, 20, NULL);
		ras->journal.write = failing_write;
		assert_true(record_at(ras, 0).durable);
		write_error = errors[i];
		write_limit = 70; /* torn */
		answer = record_at(ras, PAGE);
		assert_int_equal(answer.sighting, SV_RAS_NEW);
		assert_false(answer.durable);
		assert_int_equal(answer.notice, SV_RAS_NOT_WRITTEN);
		assert_int_equal(answer.error, errors[i]);
		/* Said once; the guest goes on, and pages are still told apart. */
		assert_int_equal(record_at(ras, PAGE).sighting, SV_RAS_REPEAT);
		answer = record_at(ras, 2 * PAGE);
		assert_int_equal(answer.notice, 0);
		assert_int_equal(answer.distinct, 3);
		assert_int_equal(sv_ras_flush(ras), SV_SYSTEM);
		assert_int_equal(errno, errors[i]);
		sv_ras_state(ras, &numbers);
		assert_int_equal(numbers.unwritten, 2);
		/* Room again. */
		write_error = 0;
		answer = record_at(ras, 3 * PAGE);
		assert_true(answer.durable);
		assert_int_equal(sv_ras_flush(ras), SV_OK);
		sv_ras_state(ras, &numbers);
		assert_int_equal(numbers.unwritten, 0);
		assert_true(record_at(ras, PAGE).durable);
		write_error = errors[i];
		assert_int_equal(record_at(ras, 4 * PAGE).notice, SV_RAS_NOT_WRITTEN);
		write_error = 0;
		sv_ras_close(ras);
		ras = ras_at(files.journal, 3, 20, &opening);
		assert_string_equal(opening.text, "");
		assert_int_equal(opening.restored, 5);
		assert_int_equal(record_at(ras, PAGE).count, 4);
		sv_ras_close(ras);
		files_remove(&files);
	}
}

static void limit_files(uint64_t bytes)
{
	struct rlimit limit;

	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes && bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The kernel's own refusals, by a limit that stands in for a full disk: at the start, and later. */
static void no_room(void **state)
{
	struct sv_ras_config config = {.vm = "guest", .max_pages = 100};
	struct sv_ras_opening opening;
	struct sv_ras_answer answer;
	struct sv_ras_state numbers;
	struct files files;
	struct sv_ras *ras;

	files_make(&files);
	config.journal = files.journal;
	signal(SIGXFSZ, SIG_IGN);
	limit_files(8192);
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_SYSTEM);
	assert_int_equal(errno, EFBIG);
	assert_non_null(strstr(opening.text, "File too large"));
	assert_null(ras);
	assert_int_equal(files_count(&files, "journal"), 0);
	limit_files(0);
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	assert_true(record_at(ras, 0).durable);
	/* In the middle of the second record. */
	limit_files(RECORD_AT(1) + 50);
	answer = record_at(ras, PAGE);
	assert_false(answer.durable);
	assert_int_equal(answer.notice, SV_RAS_NOT_WRITTEN);
	assert_int_equal(answer.error, EFBIG);
	assert_int_equal(record_at(ras, 2 * PAGE).notice, 0);
	assert_int_equal(sv_ras_flush(ras), SV_SYSTEM);
	limit_files(0);
	assert_int_equal(sv_ras_flush(ras), SV_OK);
	sv_ras_state(ras, &numbers);
	assert_int_equal(numbers.unwritten, 0);
	assert_true(record_at(ras, PAGE).durable);
	/* What is there is not given up for a new file that cannot be made. */
	memcpy(config.boot, opening.boot, sizeof(config.boot));
	config.max_pages = 1000;
	sv_ras_close(ras);
	limit_files(8192);
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_SYSTEM);
	limit_files(0);
	assert_int_equal(files_count(&files, "journal"), 1);
	assert_int_equal(sv_ras_open(&config, &ras, &opening), SV_OK);
	assert_int_equal(opening.restored, 3);
	sv_ras_close(ras);
	signal(SIGXFSZ, SIG_DFL);
	files_remove(&files);
}

struct storm {
	struct sv_ras *ras;
	bool guess; /* all of its errors are inferred, not a third of them */
	unsigned thread, new, not_durable, wrongly_confirmed;
};

enum { STORM_PAGES = 64, STORM_ROUNDS = 500, STORM_THREADS = 4 };

static void *storm(void *opaque)
{
	struct storm *storm = opaque;

	for (unsigned round = 0; round < STORM_ROUNDS; round++) {
		for (uint64_t i = 0; i < STORM_PAGES; i++) {
			/* The threads meet at every page. */
			struct sv_memory_error error =
				error_at((i * 5 + storm->thread % 2) % STORM_PAGES * PAGE);
			struct sv_ras_answer answer;

			if (storm->guess || i % 3 == storm->thread % 3)
				error.valid |= SV_RAS_INFERRED;
			sv_ras_record(storm->ras, &error, &answer);
			storm->new += answer.sighting == SV_RAS_NEW;
			storm->not_durable += !answer.durable && answer.sighting != SV_RAS_SATURATED;
			storm->wrongly_confirmed +=
				answer.sighting == SV_RAS_CONFIRMED && error.valid & SV_RAS_INFERRED;
		}
		if (storm->thread == 0 && round % 100 == 0)
			sv_ras_flush(storm->ras);
	}
	return NULL;
}

static void many_threads(void **state)
{
	struct storm storms[STORM_THREADS];
	pthread_t threads[STORM_THREADS];
	struct sv_ras_opening opening;
	uint64_t total = 0;
	unsigned new = 0;
	struct files files;
	struct sv_ras *ras;

	files_make(&files);
	ras = ras_at(files.journal, 9, STORM_PAGES, NULL);
	for (unsigned i = 0; i < STORM_THREADS; i++) {
		storms[i] = (struct storm){.ras = ras, .thread = i};
		pthread_create(&threads[i], NULL, storm, &storms[i]);
	}
	for (unsigned i = 0; i < STORM_THREADS; i++) {
		pthread_join(threads[i], NULL);
		new += storms[i].new;
		/* Whoever is told of a page, first or not, is told when it is on disk. */
		assert_int_equal(storms[i].not_durable, 0);
		assert_int_equal(storms[i].wrongly_confirmed, 0);
	}
	assert_int_equal(new, STORM_PAGES);
	sv_ras_close(ras);
	ras = ras_at(files.journal, 9, STORM_PAGES, &opening);
	assert_int_equal(opening.restored, STORM_PAGES);
	for (uint64_t i = 0; i < STORM_PAGES; i++)
		total += record_at(ras, i * PAGE).count - 1;
	assert_int_equal(total, STORM_THREADS * STORM_ROUNDS * STORM_PAGES);
	sv_ras_close(ras);
	files_remove(&files);
}

/* More pages than are told apart: the limit holds whoever comes first, and who guesses confirms no one. */
static void many_threads_saturate(void **state)
{
	for (unsigned attempt = 0; attempt < 10; attempt++) {
		struct storm storms[STORM_THREADS];
		pthread_t threads[STORM_THREADS];
		struct sv_ras_state numbers;
		unsigned new = 0;
		struct files files;
		struct sv_ras *ras;

		files_make(&files);
		ras = ras_at(files.journal, 9, STORM_PAGES / 8, NULL);
		for (unsigned i = 0; i < STORM_THREADS; i++) {
			storms[i] = (struct storm){.ras = ras, .guess = true, .thread = i};
			pthread_create(&threads[i], NULL, storm, &storms[i]);
		}
		for (unsigned i = 0; i < STORM_THREADS; i++) {
			pthread_join(threads[i], NULL);
			new += storms[i].new;
			assert_int_equal(storms[i].wrongly_confirmed, 0);
		}
		sv_ras_state(ras, &numbers);
		assert_int_equal(new, STORM_PAGES / 8);
		assert_int_equal(numbers.distinct, STORM_PAGES / 8);
		assert_int_equal(numbers.inferred, STORM_PAGES / 8);
		sv_ras_close(ras);
		files_remove(&files);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sightings),
		cmocka_unit_test(inferred_is_not_shunned),
		cmocka_unit_test(refuses),
		cmocka_unit_test(decides),
		cmocka_unit_test(saturates),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(set_aside_when_full),
		cmocka_unit_test(disk_fails),
		cmocka_unit_test(no_room),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(many_threads_saturate),
		cmocka_unit_test(durable_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
