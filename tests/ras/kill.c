/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill [ROUNDS]: a process that records errors and one that absorbs them are killed at random instants,
 * over and over, on one journal and one ledger. Nothing that sv_ras_record had answered may be missing, no
 * page may be there twice, each record must be in the ledger once, and all files must open.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <salvage/ledger.h>

#include "files.h"
#include "ras/pages.h"
#include "ras/recover.h"

#define PAGE UINT64_C(4096)

/* An era is one start of the VM, continued by processes that take over from the one that was killed. */
enum { PAGES = 1500, ERA = 25, THREADS = 2 };

static struct files files;
static char *journal;
static bool answered[PAGES]; /* in this era */
static struct {
	unsigned recorders, recorders_early, absorbers, answers, eras;
	uint64_t pages, records;
} totals;

struct recorder {
	struct sv_ras *ras;
	uint64_t seed;
	int pipe;
};

static void *record_for_ever(void *opaque)
{
	struct recorder *recorder = opaque;

	for (;;) {
		uint32_t number = (uint32_t)(random_next(&recorder->seed) % PAGES);
		struct sv_ras_answer answer = record_at(recorder->ras, number * PAGE);

		if (!answer.durable || write(recorder->pipe, &number, sizeof(number)) != sizeof(number))
			_exit(2);
		if (number % 16 == 0)
			sv_ras_flush(recorder->ras);
	}
}

static void recorder_child(uint8_t era, uint64_t seed, int pipe)
{
	struct recorder recorders[THREADS];
	struct sv_ras_opening opening;
	struct sv_ras *ras = ras_at(journal, era, PAGES, &opening);
	pthread_t thread;

	/* A kill never damages anything. */
	if (opening.text[0]) {
		fprintf(stderr, "%s\n", opening.text);
		_exit(3);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		recorders[i] = (struct recorder){ras, seed + i, pipe};
		pthread_create(&thread, NULL, record_for_ever, &recorders[i]);
	}
	pause();
}

static void absorber_child(void)
{
	struct sv_absorption result;
	struct sv_ledger *ledger;
	char text[512];

	for (;;) {
		if (sv_ledger_open(files.ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)) != SV_OK ||
		    text[0]) {
			fprintf(stderr, "%s\n", text);
			_exit(2);
		}
		/* There may be no journal yet. */
		if (sv_ledger_absorb(ledger, journal, &result) != SV_OK && errno != ENOENT) {
			fprintf(stderr, "%s\n", sv_ledger_error(ledger));
			_exit(3);
		}
		sv_ledger_close(ledger);
	}
}

static void reap(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("a child ended by itself, status 0x%x", status);
}

static void wait_us(uint64_t us)
{
	nanosleep(&(struct timespec){(time_t)(us / 1000000), (long)(us % 1000000 * 1000)}, NULL);
}

/* Takes what the recorder was answered before it died. */
static unsigned drain(int pipe)
{
	uint32_t number;
	unsigned count = 0;

	while (read(pipe, &number, sizeof(number)) == sizeof(number)) {
		answered[number] = true;
		count++;
	}
	return count;
}

static void kill_round(uint8_t era, uint64_t *seed)
{
	bool absorber = random_next(seed) % 2;
	uint64_t child_seed = random_next(seed), us = random_next(seed) % 12000;
	pid_t children[2] = {0};
	unsigned count;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	children[0] = fork();
	if (!children[0]) {
		close(pipes[0]);
		recorder_child(era, child_seed, pipes[1]);
	}
	if (absorber) {
		children[1] = fork();
		if (!children[1])
			absorber_child();
	}
	close(pipes[1]);
	/*
	 * Half of the kills are to find it recording, however slow the machine is; the others, opening too.
	 */
	if (us % 4 < 2)
		poll(&(struct pollfd){.fd = pipes[0], .events = POLLIN}, 1, 10000);
	wait_us(us);
	if (absorber && us % 2 == 1) {
		reap(children[1]);
		wait_us(us / 4);
	}
	reap(children[0]);
	if (absorber && us % 2 == 0)
		reap(children[1]);
	count = drain(pipes[0]);
	close(pipes[0]);
	totals.recorders++;
	totals.recorders_early += !count;
	totals.absorbers += absorber;
	totals.answers += count;
}

/* The journal as it lies there. Returns the pages of the era. */
static unsigned check_journal(uint8_t era)
{
	static bool seen[PAGES];
	struct journal_scan scan;
	int fd = open(journal, O_RDONLY);
	unsigned pages = 0;

	memset(seen, 0, sizeof(seen));
	if (fd < 0) {
		for (unsigned i = 0; i < PAGES; i++)
			assert_false(answered[i]);
		return 0;
	}
	assert_int_equal(journal_scan(fd, &scan), 0);
	close(fd);
	assert_null(scan.damage);
	for (uint32_t i = 0; i < scan.used; i++) {
		uint64_t number = scan.records[i].error.gpa / PAGE;

		if (scan.records[i].boot[0] != era)
			continue;
		assert_true(number < PAGES);
		if (seen[number])
			fail_msg("page %u is there twice", (unsigned)number);
		seen[number] = true;
		pages++;
	}
	for (unsigned i = 0; i < PAGES; i++)
		if (answered[i] && !seen[i])
			fail_msg("page %u was answered and is lost", i);
	journal_scan_free(&scan);
	return pages;
}

struct tally {
	char boot[37];
	unsigned pages, sightings;
	bool seen[PAGES];
};

static void count_page(void *opaque, const struct sv_ledger_page *page)
{
	struct tally *tally = opaque;

	if (strcmp(page->boot, tally->boot))
		return;
	tally->pages++;
	assert_false(tally->seen[page->address / PAGE]);
	tally->seen[page->address / PAGE] = true;
}

static void count_sighting(void *opaque, const struct sv_ledger_sighting *sighting)
{
	struct tally *tally = opaque;

	/* One that was carried to a new journal is a page's second. */
	tally->sightings +=
		!strcmp(sighting->page.boot, tally->boot) && strcmp(sighting->sighting, "carried");
}

/* With everything absorbed, the ledger has the era's pages, and each once. */
static void check_ledger(uint8_t era, unsigned pages)
{
	static struct tally tally;
	struct sv_absorption result;
	struct sv_ledger *ledger;
	char text[512];
	uint8_t boot[16];

	memset(&tally, 0, sizeof(tally));
	memset(boot, era, sizeof(boot));
	sv_ras_id_text(boot, tally.boot);
	assert_int_equal(sv_ledger_open(files.ledger, SV_LEDGER_WRITE, &ledger, text, sizeof(text)), SV_OK);
	assert_string_equal(text, "");
	assert_int_equal(sv_ledger_absorb_all(ledger, &result), SV_OK);
	assert_int_equal(sv_ledger_absorb_all(ledger, &result), SV_OK);
	assert_int_equal(result.records, 0);
	assert_int_equal(sv_ledger_pages(ledger, NULL, count_page, &tally), SV_OK);
	assert_int_equal(sv_ledger_sightings(ledger, NULL, count_sighting, &tally), SV_OK);
	assert_int_equal(tally.pages, pages);
	assert_int_equal(tally.sightings, pages);
	for (unsigned i = 0; i < PAGES; i++)
		assert_true(tally.seen[i] || !answered[i]);
	sv_ledger_close(ledger);
	totals.pages += pages;
	totals.records += tally.sightings;
}

static unsigned rounds = 50;

static void kills(void **state)
{
	uint64_t seed = 20261120;
	uint8_t era = 0;
	unsigned pages = 0;

	files_make(&files);
	journal = sv_ledger_journal(files.ledger, "guest");
	for (unsigned round = 0; round < rounds; round++) {
		if (round % ERA == 0) {
			era = era % 255 + 1;
			memset(answered, 0, sizeof(answered));
			totals.eras++;
		}
		kill_round(era, &seed);
		pages = check_journal(era);
		if (round % ERA == ERA - 1 || round == rounds - 1)
			check_ledger(era, pages);
	}
	printf("# %u recorders killed, %u of them before their first answer, and %u absorbers; %u answers\n",
	       totals.recorders, totals.recorders_early, totals.absorbers, totals.answers);
	printf("# %u starts with %llu pages in all, 0 lost, 0 twice; %llu records in the ledger\n",
	       totals.eras, (unsigned long long)totals.pages, (unsigned long long)totals.records);
	/* Or nothing was tested. */
	assert_true(totals.answers > rounds && totals.absorbers > 0 && totals.recorders_early < rounds);
	free(journal);
	files_remove(&files);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kills)};

	if (argc > 1)
		rounds = (unsigned)strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
