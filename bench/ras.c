/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recording memory errors: a first sighting until it is on disk, a page that is known, and what one vCPU that
 * hits a bad page over and over costs another. Times of the disk are wall clock.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <salvage/ras.h>

#include "bench.h"

#define PAGE UINT64_C(4096)

enum { FIRST = 1000, ROUNDS = 11, TURNS = 101, REPEATS = 100000, OTHERS = 100000, PER_SECOND = 10000 };

static uint64_t wall_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct sv_ras_answer record(struct sv_ras *ras, uint64_t gpa)
{
	struct sv_memory_error error = {.source = SV_RAS_SEA_DATA,
					.valid = SV_RAS_GPA | SV_RAS_ESR | SV_RAS_PC,
					.gpa = gpa,
					.esr = 0x92000010};
	struct sv_ras_answer answer;

	sv_ras_record(ras, &error, &answer);
	return answer;
}

/* A file like the journal, for the peer: what the disk itself takes for 128 bytes. */
static int open_peer(const char *path)
{
	static const char zeros[FIRST * 128];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_DSYNC | O_CLOEXEC, 0600);

	unlink(path);
	if (fd >= 0 && pwrite(fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void print_us(const char *what, double *us)
{
	char line[64];
	double median = bench_median(us, FIRST);

	snprintf(line, sizeof(line), "%s (median)", what);
	printf("%-58s %8.1f us\n", line, median);
	snprintf(line, sizeof(line), "%s (99 of 100 are faster)", what);
	printf("%-58s %8.1f us\n", line, us[FIRST * 99 / 100]);
	snprintf(line, sizeof(line), "%s (slowest)", what);
	printf("%-58s %8.1f us\n", line, us[FIRST - 1]);
}

/* False if a sighting was not new, or not on disk: the figure would be of something else. */
static bool first_sightings(struct sv_ras *ras, int peer)
{
	static double us[FIRST], peer_us[FIRST];
	static const char bytes[128] = "x";
	double median;

	for (uint64_t i = 0; i < FIRST; i++) {
		uint64_t start = wall_now(), between;
		struct sv_ras_answer answer = record(ras, i * PAGE);

		between = wall_now();
		if (answer.sighting != SV_RAS_NEW || !answer.durable ||
		    pwrite(peer, bytes, sizeof(bytes), (off_t)(i * sizeof(bytes))) != (ssize_t)sizeof(bytes))
			return false;
		us[i] = (double)(between - start) / 1000;
		peer_us[i] = (double)(wall_now() - between) / 1000;
	}
	print_us("first sighting, on disk", us);
	print_us("a bare O_DSYNC write of 128 bytes", peer_us);
	median = us[FIRST / 2] / peer_us[FIRST / 2];
	printf("%-58s %8.2f\n", "ratio of the medians", median);
	return true;
}

/* Nanoseconds of processor time for one error. */
static double repeats(struct sv_ras *ras, uint64_t gpa)
{
	double ns[ROUNDS];

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = bench_now();

		for (unsigned i = 0; i < REPEATS; i++)
			record(ras, gpa);
		ns[round] = (double)(bench_now() - start) / REPEATS;
	}
	return bench_median(ns, ROUNDS);
}

struct looping {
	struct sv_ras *ras;
	_Atomic bool stop;
	_Atomic uint64_t errors;
};

/* A guest that executes the same load for ever; each costs it an exit, here a pause. */
static void *loop(void *opaque)
{
	struct looping *looping = opaque;
	struct timespec pause = {0, 1000000000 / PER_SECOND / 2};

	for (uint64_t start = wall_now(); !atomic_load(&looping->stop); nanosleep(&pause, NULL))
		while (looping->errors < (wall_now() - start) / (1000000000 / PER_SECOND)) {
			record(looping->ras, 0);
			looping->errors++;
		}
	return NULL;
}

/* Nanoseconds of wall clock for an error of another vCPU's, on a page of its own. */
static double others(struct sv_ras *ras)
{
	uint64_t start = wall_now();

	for (unsigned i = 0; i < OTHERS; i++)
		record(ras, PAGE);
	return (double)(wall_now() - start) / OTHERS;
}

/*
 * Nanoseconds of another vCPU's error while one loops on a page of where; -1 if there is no thread to be
 * had.
 */
static double beside(struct sv_ras *ras, struct sv_ras *where, double *errors)
{
	struct looping looping = {.ras = where};
	uint64_t start, before;
	pthread_t thread;
	double ns;

	if (pthread_create(&thread, NULL, loop, &looping))
		return -1;
	while (!(before = atomic_load(&looping.errors)))
		;
	start = wall_now();
	ns = others(ras);
	*errors = (double)(atomic_load(&looping.errors) - before) * 1e9 / (double)(wall_now() - start);
	atomic_store(&looping.stop, true);
	pthread_join(thread, NULL);
	return ns;
}

/*
 * The peer is the same loop on another VM: whatever it costs there is the machine's doing, not ours. The
 * shortest round of each in which the loop kept its pace, as other programs interrupt both.
 */
static bool interference(struct sv_ras *ras, struct sv_ras *elsewhere)
{
	struct sv_ras *const where[2] = {elsewhere, ras};
	double ns[2] = {0}, errors;
	unsigned kept[2] = {0};

	record(elsewhere, 0);
	for (unsigned turn = 0; turn < 2 * TURNS; turn++) {
		unsigned i = turn % 2;
		double taken = beside(ras, where[i], &errors);

		if (taken < 0)
			return false;
		if (errors < 0.9 * PER_SECOND)
			continue;
		ns[i] = kept[i] && ns[i] < taken ? ns[i] : taken;
		kept[i]++;
	}
	if (!kept[0] || !kept[1])
		return false;
	printf("%-58s %8.1f ns\n", "known page, beside another VM that loops on a bad page", ns[0]);
	printf("%-58s %8.1f ns\n", "known page, beside a vCPU of its own VM that does", ns[1]);
	printf("%-58s %8.2f\n", "ratio of the shortest rounds", ns[1] / ns[0]);
	printf("%-58s %3u and %u\n", "rounds with at least 9000 of its errors a second", kept[0], kept[1]);
	return true;
}

static int measure(struct sv_ras *ras, struct sv_ras *elsewhere, int peer)
{
	uint64_t allocations;

	if (!first_sightings(ras, peer))
		return bench_fail("ras", "a first sighting is not on disk; is the disk full?");
	allocations = bench_allocations();
	printf("%-58s %8.1f ns\n", "known page", repeats(ras, 0));
	printf("%-58s %8.1f ns\n", "page beyond the limit", repeats(ras, FIRST * PAGE));
	if (!interference(ras, elsewhere))
		return bench_fail("ras",
				  "no second thread can be had, or the machine is too busy to let it run");
	printf("%-58s %8llu\n", "allocations", (unsigned long long)(bench_allocations() - allocations));
	return 0;
}

/* The same inside the path of an exit, with a journal of its own. */
static int whole(const char *path)
{
	struct sv_ras_opening opening;
	struct sv_ras *ras;
	bool good;

	if (sv_ras_open(&(struct sv_ras_config){.vm = "bench", .journal = path, .max_pages = 2 * FIRST}, &ras,
			&opening) != SV_OK)
		return bench_fail("ras", opening.text);
	good = bench_sea(ras);
	sv_ras_close(ras);
	unlink(path);
	return good ? 0
		    : bench_fail("ras", "a guest was not told, or its page was not new; is the disk full?");
}

int bench_ras(void)
{
	const char *directory = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	struct sv_ras_opening opening;
	struct sv_ras *ras, *elsewhere = NULL;
	char path[4200];
	int status, peer;

	snprintf(path, sizeof(path) - 8, "%s/salvage-bench-%d.journal", directory, (int)getpid());
	if (sv_ras_open(&(struct sv_ras_config){.vm = "bench", .journal = path, .max_pages = FIRST}, &ras,
			&opening) != SV_OK)
		return bench_fail("ras", opening.text);
	printf("the journal is in %s\n", directory);
	strcat(path, ".peer");
	peer = open_peer(path);
	*strrchr(path, '.') = 0;
	if (peer < 0)
		status = bench_fail("ras", strerror(errno));
	else if (sv_ras_open(&(struct sv_ras_config){.vm = "elsewhere"}, &elsewhere, &opening) == SV_OK)
		status = measure(ras, elsewhere, peer);
	else
		status = bench_fail("ras", opening.text);
	close(peer);
	sv_ras_close(elsewhere);
	sv_ras_close(ras);
	unlink(path);
	return status ? status : whole(path);
}
