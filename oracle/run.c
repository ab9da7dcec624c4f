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
	unsigned order[ROWS]; /* the rows that take part */
	size_t ordered;
	uint64_t random, drawn, turn;
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

/* Rows take turns; those that salvage refuses, of which only syndromes are compared, in one round of so many. */
#define REFUSED_ROUNDS 8

static unsigned next_row(struct worker *worker)
{
	for (;;) {
		unsigned row = worker->order[worker->turn % worker->ordered];
		uint64_t round = worker->turn++ / worker->ordered;

		if (worker->probing || !worker->rows[row].refusal || !(round % REFUSED_ROUNDS))
			return row;
	}
}

static void draw_batch(struct worker *worker)
{
	unsigned first = worker->machine.mail->produced % BATCHES * BATCH_CASES;
	struct setting setting = case_setting(&worker->random);

	begin_batch(&worker->machine, &setting, first, BATCH_CASES);
	for (unsigned slot = first; slot < first + BATCH_CASES; slot++) {
		unsigned row = next_row(worker);
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

/* Rows of which QEMU knows no word, or no word can be compared, get a few cases, and no more. */
#define PROBES 16

static bool probe(struct worker *worker)
{
	size_t known = 0;

	worker->probing = true;
	if (!run(worker, worker->ordered * PROBES, 0))
		return false;
	worker->probing = false;
	for (size_t i = 0; i < worker->ordered; i++) {
		const struct figures *figures = &worker->results->row[worker->order[i]];

		if (figures->cases || figures->refused)
			worker->order[known++] = worker->order[i];
	}
	worker->ordered = known;
	worker->turn = 0;
	return true;
}

/* Compared are cases of rows that salvage performs; where none takes part, those drawn have to do. */
static bool run_share(struct worker *worker, uint64_t share)
{
	for (size_t i = 0; i < worker->ordered; i++)
		if (!worker->rows[worker->order[i]].refusal)
			return run(worker, 0, share);
	return !worker->ordered || run(worker, share, 0);
}

bool run_takes(const struct sv_row *row)
{
	return row->iclass != SV_CLASS_MOPS;
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
	for (size_t row = 0; row < worker->count; row++)
		if (run_takes(&worker->rows[row]) &&
		    (!options->row || !strcmp(sv_row_name(&worker->rows[row]), options->row)))
			worker->order[worker->ordered++] = (unsigned)row;
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
