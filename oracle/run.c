/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "minimise.h"
#include "run.h"

/* Memory copies that sessions have left to QEMU to go on with, until there is a batch for them. */
#define RESTS 64

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
	} turns[KINDS];
	uint64_t random, drawn, batches;
	bool probing, resuming;
	uint64_t compared; /* cases to compare, or if no row is performed to draw */
	struct job *jobs;  /* one a slot */
	struct job *rests;
	unsigned rest_count;
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
	if (setting->kind == KIND_VECTOR)
		batch->vectors_pa = VECTORS_PA + slot * VECTORS_BYTES;
}

/* Rows of which QEMU knows no word, or no word can be compared, get a few cases, and no more. */
#define PROBES 16

/*
 * Rows take turns; those that salvage refuses, of which only syndromes are compared, in one round of so
 * many.
 */
#define REFUSED_ROUNDS 8

static unsigned next_row(const struct worker *worker, struct turns *turns)
{
	for (;;) {
		unsigned row = turns->row[turns->next % turns->count];
		uint64_t round = turns->next++ / turns->count;

		if (worker->probing || case_kind(&worker->rows[row]) == KIND_UNAIMED ||
		    !worker->rows[row].refusal || !(round % REFUSED_ROUNDS))
			return row;
	}
}

/* Rounds that a kind has had, in parts of a row. */
static uint64_t rounds(const struct worker *worker, enum kind kind)
{
	const struct turns *turns = &worker->turns[kind];
	unsigned weight = kind == KIND_UNAIMED && !worker->probing ? REFUSED_ROUNDS : 1;

	return turns->next * weight * ROWS / turns->count;
}

/* The kind whose rows have had the fewest turns. */
static enum kind next_kind(const struct worker *worker)
{
	enum kind next = KINDS;

	for (enum kind kind = 0; kind < KINDS; kind++)
		if (worker->turns[kind].count &&
		    (next == KINDS || rounds(worker, kind) < rounds(worker, next)))
			next = kind;
	return next;
}

/* A copy to be gone on with that fits the batch, if there is one. */
static bool take_rest(struct worker *worker, const struct setting *setting, struct job *job)
{
	for (unsigned i = 0; i < worker->rest_count; i++) {
		const struct setting *its = &worker->rests[i].setting;

		if (its->ee != setting->ee || its->e0e != setting->e0e || its->tbi != setting->tbi ||
		    its->privileged != setting->privileged)
			continue;
		*job = worker->rests[i];
		worker->rests[i] = worker->rests[--worker->rest_count];
		return true;
	}
	return false;
}

static void draw_batch(struct worker *worker)
{
	unsigned number = worker->machine.mail->produced % BATCHES, first = number * BATCH_CASES;
	enum kind kind = next_kind(worker);
	struct turns *turns = &worker->turns[kind];
	struct setting setting = case_setting(kind, worker->machine.mail, &worker->random);

	/*
	 * Every second batch begins with copies that are to be gone on with, all under the first one's
	 * setting.
	 */
	worker->resuming = kind == KIND_COPY && worker->rest_count && !worker->resuming;
	if (worker->resuming)
		setting = worker->rests[0].setting;
	begin_batch(&worker->machine, &setting, first, case_count(kind));
	for (unsigned i = 0; i < case_count(kind); i++) {
		struct job *job = &worker->jobs[first + i];
		bool resumes = worker->resuming && take_rest(worker, &setting, job);
		unsigned at = job->at, row;

		job->setting = setting;
		case_locate(job, number, i);
		job->number = worker->drawn++;
		if (resumes) {
			unsigned here = job->at;

			job->at = at;
			copy_move(job, here);
		} else {
			row = next_row(worker, turns);
			worker->results->row[row].unpredictable +=
				case_draw(job, &worker->rows[row], &worker->random);
		}
		case_place(job, &worker->machine);
	}
	worker->batches++;
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
		struct job *rest = worker->rest_count < RESTS ? &worker->rests[worker->rest_count] : NULL;
		struct verdict verdict = judge(job, &worker->machine, worker->options->version, row, rest);

		worker->rest_count += rest && rest->row && !verdict.what;

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
	return judge(job, machine, version, &figures, NULL);
}

static bool is_probed(const struct worker *worker)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (worker->turns[kind].next < worker->turns[kind].count * PROBES)
			return false;
	return true;
}

/* Whether there is more to draw. */
static bool is_over(const struct worker *worker)
{
	bool performs = false;

	if (worker->probing)
		return is_probed(worker);
	/* Compared are cases of rows that salvage performs; where none takes part, those drawn have to do. */
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < worker->turns[kind].count; i++)
			performs |= !worker->rows[worker->turns[kind].row[i]].refusal;
	return (performs ? worker->results->cases : worker->drawn) >= worker->compared;
}

static bool run(struct worker *worker)
{
	for (uint64_t judged = worker->batches;; judged++) {
		while (!is_over(worker) && worker->batches < judged + BATCHES)
			draw_batch(worker);
		if (judged == worker->batches)
			return true;
		if (!machine_wait(&worker->machine, judged + 1))
			return false;
		judge_batch(worker, judged);
	}
}

static bool probe(struct worker *worker)
{
	worker->probing = true;
	if (!run(worker))
		return false;
	worker->probing = false;
	for (enum kind kind = 0; kind < KINDS; kind++) {
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

static bool any_turns(const struct worker *worker)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (worker->turns[kind].count)
			return true;
	return false;
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
	worker->compared = share;
	worker->jobs = calloc(BATCHES * BATCH_CASES, sizeof(*worker->jobs));
	worker->rests = calloc(RESTS, sizeof(*worker->rests));
	worker->rows = sv_rows(SV_A64, &worker->count);
	for (unsigned row = 0; row < worker->count; row++) {
		struct turns *turns = &worker->turns[case_kind(&worker->rows[row])];

		if (!options->row || !strcmp(sv_row_name(&worker->rows[row]), options->row))
			turns->row[turns->count++] = row;
	}
	if (!worker->jobs || !worker->rests)
		return false;
	if (!machine_start(&worker->machine, options->qemu, options->guest))
		return false;
	map_build(&worker->machine);
	map_spaces(&worker->machine);
	good = machine_ready(&worker->machine) && probe(worker) && (!any_turns(worker) || run(worker));
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
