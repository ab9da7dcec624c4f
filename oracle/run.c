/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "minimise.h"
#include "run.h"

struct worker {
	const struct options *options;
	struct results *results;
	struct machine machine;
	const struct sv_row *rows;
	size_t count;
	struct turns {
		unsigned row[ROWS]; /* the rows that take part */
		size_t count;
		uint64_t next;
	} turns[2]; /* those that are aimed, and those that are not: case_is_unaimed */
	uint64_t random, drawn;
	bool probing;
	struct job *jobs; /* one a slot */
	struct job failed[FAILURES];
	const char *failed_what[FAILURES];
	unsigned failures;
};

static struct batch *batch_at(struct machine *machine, uint64_t number)
{
	return &machine->mail->batch[number % BATCHES];
}

static void begin_batch(struct machine *machine, const struct setting *setting, unsigned slot, unsigned count)
{
	struct batch *batch = batch_at(machine, machine->mail->produced);

	map_batch(setting, batch);
	batch->count = count;
	batch->passes = PASSES;
	batch->slots_pa = SLOTS_PA + slot * SLOT_BYTES;
}

/* Rows of which QEMU knows no word, or no word can be compared, get a few cases, and no more. */
#define PROBES 16

/*
 * Rows take turns; those that salvage refuses, of which only syndromes are compared, in one round of so
 * many.
 */
#define REFUSED_ROUNDS 8

#define UNAIMED_BATCHES 16 /* likewise, one batch of so many */

static unsigned next_row(const struct worker *worker, struct turns *turns)
{
	for (;;) {
		unsigned row = turns->row[turns->next % turns->count];
		uint64_t round = turns->next++ / turns->count;

		if (worker->probing || case_is_unaimed(&worker->rows[row]) || !worker->rows[row].refusal ||
		    !(round % REFUSED_ROUNDS))
			return row;
	}
}

static struct turns *next_turns(struct worker *worker)
{
	uint64_t batch = worker->drawn / BATCH_CASES;
	unsigned unaimed = !(batch % UNAIMED_BATCHES);

	/* A probe is over with one kind before it goes on with the other. */
	if (worker->probing)
		unaimed = worker->turns[0].next >= worker->turns[0].count * PROBES;
	return &worker->turns[worker->turns[unaimed].count ? unaimed : !unaimed];
}

static void draw_batch(struct worker *worker)
{
	unsigned first = worker->machine.mail->produced % BATCHES * BATCH_CASES;
	struct setting setting = case_setting(&worker->random);
	struct turns *turns = next_turns(worker);

	setting.fenced = turns == &worker->turns[1];
	begin_batch(&worker->machine, &setting, first, BATCH_CASES);
	for (unsigned slot = first; slot < first + BATCH_CASES; slot++) {
		unsigned row = next_row(worker, turns);
		struct job *job = &worker->jobs[slot];

		job->slot = slot;
		job->setting = setting;
		job->number = worker->drawn++;
		worker->results->row[row].unpredictable +=
			case_draw(job, &worker->rows[row], &worker->random);
		case_place(job, &worker->machine);
	}
	machine_submit(&worker->machine);
}

/* Keeps the first failure of each kind of each row, for the minimiser. */
static void keep(struct worker *worker, const struct job *job, const char *what)
{
	for (unsigned i = 0; i < worker->failures; i++)
		if (worker->failed[i].row == job->row && !strcmp(worker->failed_what[i], what))
			return;
	if (worker->failures == FAILURES)
		return;
	worker->failed[worker->failures] = *job;
	worker->failed_what[worker->failures++] = what;
}

static void judge_batch(struct worker *worker, uint64_t number)
{
	const struct batch *batch = batch_at(&worker->machine, number);

	for (unsigned i = 0; i < batch->count; i++) {
		const struct job *job = &worker->jobs[number % BATCHES * BATCH_CASES + i];
		struct figures *row = &worker->results->row[job->row - worker->rows];
		uint64_t before = row->cases;
		struct verdict verdict = judge(job, &worker->machine, worker->options->version, row);

		if (verdict.what) {
			row->mismatches++;
			worker->results->mismatches++;
			keep(worker, job, verdict.what);
		}
		worker->results->cases += row->cases - before;
	}
}

struct verdict run_single(struct job *job, struct machine *machine, unsigned version)
{
	struct figures figures = {0};

	begin_batch(machine, &job->setting, job->slot, 1);
	case_place(job, machine);
	machine_submit(machine);
	if (!machine_wait(machine, machine->mail->produced))
		return (struct verdict){"QEMU is lost", false};
	return judge(job, machine, version, &figures);
}

/* Runs until so many cases are drawn and judged, or until so many are compared. */
static bool run(struct worker *worker, uint64_t drawn, uint64_t compared)
{
	for (uint64_t judged = worker->drawn / BATCH_CASES;; judged++) {
		while ((worker->drawn < drawn || worker->results->cases < compared) &&
		       worker->drawn / BATCH_CASES < judged + BATCHES)
			draw_batch(worker);
		if (judged == worker->drawn / BATCH_CASES)
			return true;
		if (!machine_wait(&worker->machine, judged + 1))
			return false;
		judge_batch(worker, judged);
	}
}

static bool probe(struct worker *worker)
{
	uint64_t batches = 0;

	for (unsigned kind = 0; kind < 2; kind++)
		batches += (worker->turns[kind].count * PROBES + BATCH_CASES - 1) / BATCH_CASES;
	worker->probing = true;
	if (!run(worker, batches * BATCH_CASES, 0))
		return false;
	worker->probing = false;
	for (unsigned kind = 0; kind < 2; kind++) {
		struct turns *turns = &worker->turns[kind];
		size_t known = 0;

		for (size_t i = 0; i < turns->count; i++) {
			const struct figures *figures = &worker->results->row[turns->row[i]];

			if (figures->cases || figures->refused)
				turns->row[known++] = turns->row[i];
		}
		turns->count = known;
		turns->next = 0;
	}
	return true;
}

/* Compared are cases of rows that salvage performs; where none takes part, those drawn have to do. */
static bool run_share(struct worker *worker, uint64_t share)
{
	for (size_t i = 0; i < worker->turns[0].count; i++)
		if (!worker->rows[worker->turns[0].row[i]].refusal)
			return run(worker, 0, share);
	return !(worker->turns[0].count + worker->turns[1].count) || run(worker, share, 0);
}

bool run_worker(const struct options *options, unsigned number, struct results *results)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	uint64_t share = options->cases / options->workers + (number < options->cases % options->workers);
	bool good;

	if (!worker)
		return false;
	worker->options = options;
	worker->results = results;
	worker->random = options->seed ^ (uint64_t)number << 56;
	worker->jobs = calloc(BATCHES * BATCH_CASES, sizeof(*worker->jobs));
	worker->rows = sv_rows(SV_A64, &worker->count);
	for (unsigned row = 0; row < worker->count; row++) {
		struct turns *turns = &worker->turns[case_is_unaimed(&worker->rows[row])];

		if (!options->row || !strcmp(sv_row_name(&worker->rows[row]), options->row))
			turns->row[turns->count++] = row;
	}
	if (!worker->jobs)
		return false;
	if (!machine_start(&worker->machine, options->qemu, options->guest))
		return false;
	map_build(&worker->machine);
	map_spaces(&worker->machine);
	good = probe(worker) && run_share(worker, share);
	for (unsigned i = 0; good && i < worker->failures; i++) {
		results->failure[i].row = (unsigned)(worker->failed[i].row - worker->rows);
		results->failure[i].what = worker->failed_what[i];
		minimise(&worker->failed[i], worker->failed_what[i], &worker->machine, options->version,
			 results->failure[i].line, LINE);
		results->failures = i + 1;
	}
	machine_stop(&worker->machine);
	return good;
}
