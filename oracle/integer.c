/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <salvage/syndrome.h>

#include "../softkvm/model.h"
#include "integer.h"

#define BRK          UINT64_C(0xd4200000)
#define EC_HVC       0x16
#define EC_BREAK     0x3c
#define SPACING      320 /* of the cases' code, in bytes */
#define INTEGER_MOST 512 /* rows */
#define SHOWN        16

/*
 * What this QEMU has and the model has not: FEAT_MTE sets TCO on an exception, FEAT_BTI sets BTYPE on a
 * branch by register. And what it does not keep, though the architecture does (AArch64.TakeException): the
 * flags, on an exception.
 */
#define IGNORED        (UINT64_C(1) << 25 | SV_PSTATE_BTYPE)
#define IGNORED_IN_EL1 (IGNORED | PSTATE_NZCV)

/* A case, and what the model made of it. */
struct integer_case {
	unsigned row;
	uint32_t word;
	struct registers in, out;
	uint64_t v[32][2], out_v[32][2];
	uint64_t esr, esr_el1,
		far_el1; /* ESR_EL2 as it ends; of an exception into EL1, and its address if it has one */
	bool has_far;
};

struct integer_figures {
	uint64_t cases, mismatches, exceptions;
	uint64_t row[INTEGER_MOST];
	unsigned failures;
	char failure[SHOWN][256];
};

struct integer_worker {
	const struct options *options;
	struct integer_figures *figures;
	struct machine machine;
	struct soft_cpu *cpu;
	struct soft_bus bus;
	_Atomic uint64_t generation;
	uint64_t random, turn;
	struct integer_case *cases; /* one a slot */
};

bool integer_has_row(const char *name)
{
	for (size_t i = 0; i < soft_row_count; i++)
		if (!strcmp(soft_rows[i].name, name))
			return true;
	return false;
}

/* Stage 2 as PASS_MEMORY has it, of which only tables and code are reached: nothing else can be executed. */
static bool page(void *opaque, uint64_t ipa, struct soft_lookup lookup, struct soft_page *out)
{
	struct integer_worker *worker = opaque;
	uint64_t pa = ipa - IPA_OFFSET;

	if (pa < TABLES_PA || pa >= CODE_PA + CODE_BYTES) {
		out->fsc = 0x07;
		return false;
	}
	out->host = machine_at(&worker->machine, pa);
	return true;
}

/* Registers by telling names; each row of system instructions has some words that can be compared. */
static const uint16_t views[] = {
	0xc210, /* SPSel */
	0xc212, /* CurrentEL */
	0xc213, /* PAN */
	0xc214, /* UAO */
	0xda10, /* NZCV */
	0xda11, /* DAIF */
	0xc208, /* SP_EL0 */
};

static bool is(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/*
 * What a word of this row cannot be: not to be compared, since it would wait, leave for EL3 or depend on
 * what no case sets, or since QEMU has a feature there that the model has not.
 */
static bool excluded(const char *name, uint32_t word, unsigned el)
{
	unsigned hint = word >> 5 & 0x7f, field = (word >> 13 & 0x38) | (word >> 5 & 7);

	if (is(name, "HINT")) /* WFE, WFI, XPACLRI */
		return hint == 2 || hint == 3 || hint == 7;
	/*
	 * PSTATE's fields that the model has, and CFINV, XAFLAG, AXFLAG, whose CRm should be 0. Of DAIFSet
	 * and DAIFClr at EL0 this QEMU exchanges op1 and op2 in the syndrome.
	 */
	if (is(name, "MSR_SI"))
		return field > 5 ? (field != 0x1e && field != 0x1f) || !el : field < 3 && word >> 8 & 15;
	/*
	 * Those of EL0 are cache maintenance, which has another oracle, and features that the model has
	 * not.
	 */
	if (is(name, "SYS"))
		return el || (word >> 16 & 7) == 3;
	if (is(name, "SMC") || is(name, "ERET"))
		return el;
	return false;
}

static void draw_system_register(uint32_t *word, unsigned el, uint64_t *random)
{
	uint64_t choice = random_next(random);
	uint16_t encoding = views[choice % (sizeof(views) / sizeof(*views))];

	/* EL0 may try all of those that are EL1's alone, but for the ID space: this QEMU has FEAT_IDST. */
	if (!el && choice >> 32 & 1) {
		const struct soft_reg_info *info = &soft_regs[(choice >> 33) % SOFT_REG_COUNT];

		if (!(info->access & 4) && (info->encoding & 0xc780) != 0xc000)
			encoding = info->encoding;
	}
	*word = (*word & ~UINT32_C(0x1fffe0)) | (uint32_t)encoding << 5;
}

/* Registers that mean something else (31), and coincidences, more often than chance has them. */
static uint32_t draw_word(const struct soft_row *row, unsigned el, uint64_t *random)
{
	static const uint8_t places[] = {0, 5, 10, 16};
	uint32_t word;

	do {
		uint64_t bits = random_next(random);
		uint32_t choice = (uint32_t)(bits >> 32);

		word = (uint32_t)bits;
		for (unsigned i = 0; i < 4; i++, choice >>= 4) {
			uint32_t field = UINT32_C(31) << places[i];
			uint32_t other = word >> places[(i + 1) & 3] & 31;

			if ((choice & 15) == 0)
				word |= field;
			if ((choice & 15) == 1)
				word = (word & ~field) | other << places[i];
		}
		if (is(row->name, "MSR_SR") || is(row->name, "MRS_RS"))
			draw_system_register(&word, el, random);
		word = row->value | (word & ~row->mask);
		word = (word & ~row->should) | row->should_value;
	} while (excluded(row->name, word, el));
	return word;
}

static uint64_t draw_value(uint64_t *random)
{
	static const uint64_t ends[] = {0,          1,          0x7f,       0x80,      0x7fff,    0x8000,
					0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX, INT64_MIN, UINT64_MAX};
	uint64_t value = random_next(random), bits = random_next(random);

	if (!(bits & 7))
		return ends[(bits >> 4) % (sizeof(ends) / sizeof(*ends))];
	/* Small ones too, as divisors and shifts. */
	return bits & 8 ? value >> (bits >> 4 & 63) : value;
}

static void draw_state(struct integer_case *job, uint64_t pc, uint64_t *random)
{
	static const uint8_t levels[] = {0, 4, 5, 5};
	uint64_t bits = random_next(random);

	for (unsigned i = 0; i < 31; i++)
		job->in.x[i] = draw_value(random);
	if (!(bits & 7))
		job->in.x[bits >> 3 & 15] = job->in.x[bits >> 7 & 15];
	if (!(bits >> 11 & 3)) /* for branches */
		job->in.x[bits >> 13 & 31 ? bits >> 13 & 15 : 30] =
			pc + 4 + (bits >> 40 & 7 ? 0 : bits >> 43 & 7);
	job->in.sp_el0 = draw_value(random);
	job->in.sp_el1 = draw_value(random);
	job->in.pc = pc;
	job->in.pstate = PSTATE_DAIF | levels[bits >> 18 & 3] | (bits & PSTATE_NZCV);
	if (SV_PSTATE_EL(job->in.pstate))
		job->in.pstate |= (bits >> 32 & 1 ? SV_PSTATE_PAN : 0) | (bits >> 33 & 1 ? SV_PSTATE_UAO : 0);
	for (unsigned i = 0; i < 64; i++)
		job->v[i / 2][i % 2] = draw_value(random);
}

static bool in_vectors(uint64_t pc)
{
	return pc - VECTOR_VA < 0x800;
}

/* Runs the model; false: it went where another case's code is. */
static bool predict(struct integer_worker *worker, struct integer_case *job)
{
	struct soft_cpu *cpu = worker->cpu;
	enum soft_exit exit;

	memcpy(cpu->x, job->in.x, sizeof(job->in.x));
	memcpy(cpu->v, job->v, sizeof(job->v));
	cpu->sp[0] = job->in.sp_el0;
	cpu->sp[1] = job->in.sp_el1;
	cpu->pc = job->in.pc;
	cpu->pstate = job->in.pstate;
	cpu->sysreg[SOFT_ESR_EL1] = 0;
	exit = soft_cpu_run(cpu, &worker->bus, 1);
	job->has_far = false;
	job->esr_el1 = 0;
	/* Where it jumped into the vectors nothing was taken. */
	if (in_vectors(cpu->pc) && !cpu->sysreg[SOFT_ESR_EL1])
		return false;
	if (exit == SOFT_BUDGET && !in_vectors(cpu->pc) && cpu->pc != job->in.pc + 4) {
		/*
		 * A branch: nothing is there, which the fetch finds out. An address that is no
		 * instruction's is no good outside the code: this QEMU translates it before it looks.
		 */
		bool near = cpu->pc - NORMAL_VA <= VECTOR_VA + 0x1000 - NORMAL_VA,
		     code = cpu->pc - CODE_VA < CODE_BYTES;

		if (cpu->pc & 3 ? !code : near)
			return false;
		exit = soft_cpu_run(cpu, &worker->bus, 1);
		job->has_far = true;
	}
	memcpy(job->out.x, cpu->x, sizeof(job->out.x));
	memcpy(job->out_v, cpu->v, sizeof(job->out_v));
	job->out.sp_el0 = cpu->sp[0];
	job->out.sp_el1 = cpu->sp[1];
	job->out.pc = cpu->pc;
	job->out.pstate = cpu->pstate;
	if (exit == SOFT_HVC) {
		job->esr = (uint64_t)EC_HVC << 26 | 1 << 25 | cpu->immediate;
	} else if (exit != SOFT_BUDGET) {
		job->esr = 0; /* never what QEMU does */
	} else if (!in_vectors(cpu->pc)) {
		job->esr = (uint64_t)EC_BREAK << 26 | 1 << 25;
	} else if (SV_EC(cpu->sysreg[SOFT_ESR_EL1]) == EC_BREAK) {
		/* It is EL2's here (MDCR_EL2.TDE). */
		job->esr = cpu->sysreg[SOFT_ESR_EL1];
		job->out.pc = job->in.pc;
		job->out.pstate = job->in.pstate;
	} else {
		job->esr = (uint64_t)EC_HVC << 26 | 1 << 25 | 1;
		job->esr_el1 = cpu->sysreg[SOFT_ESR_EL1];
		job->far_el1 = cpu->sysreg[SOFT_FAR_EL1];
		job->out.pc += 4;
	}
	return true;
}

/* The rows take turns. */
static unsigned next_row(struct integer_worker *worker)
{
	const char *only = worker->options->row;

	for (;;) {
		unsigned row = (unsigned)(worker->turn++ % soft_row_count);

		if (!only || !strcmp(soft_rows[row].name, only))
			return row;
	}
}

static void draw(struct integer_worker *worker, struct integer_case *job, unsigned number)
{
	uint64_t pc = CODE_VA + (uint64_t)number * SPACING;
	uint32_t *code = machine_at(&worker->machine, CODE_PA + (pc - CODE_VA));
	struct slot *slot = machine_slot(&worker->machine, number);

	job->row = next_row(worker);
	do {
		unsigned el;

		draw_state(job, pc, &worker->random);
		/* Some rows are for EL0 alone. */
		if (is(soft_rows[job->row].name, "SMC") || is(soft_rows[job->row].name, "ERET") ||
		    is(soft_rows[job->row].name, "SYS"))
			job->in.pstate &= ~(PSTATE_MODE | SV_PSTATE_PAN | SV_PSTATE_UAO);
		el = SV_PSTATE_EL(job->in.pstate);
		job->word = draw_word(&soft_rows[job->row], el, &worker->random);
		*code = job->word;
	} while (!predict(worker, job));
	slot->in = job->in;
	memcpy(slot->in_v, job->v, sizeof(slot->in_v));
	slot->code_pa = CODE_PA + (pc - CODE_VA);
	slot->code[0] = job->word | BRK << 32;
	slot->code[1] = 0;
}

static void draw_batch(struct integer_worker *worker)
{
	unsigned index = worker->machine.mail->produced % BATCHES;
	struct batch *batch = &worker->machine.mail->batch[index];
	struct setting setting = {.kind = KIND_PLAIN, .tbi = random_next(&worker->random) & 1};
	struct soft_cpu *cpu = worker->cpu;

	map_batch(&setting, batch);
	batch->count = BATCH_CASES;
	batch->passes = 1;
	batch->slots_pa = SLOTS_PA + (uint64_t)index * BATCH_CASES * SLOT_BYTES;
	cpu->sysreg[SOFT_SCTLR_EL1] = batch->sctlr;
	cpu->sysreg[SOFT_TTBR0_EL1] = batch->ttbr0;
	cpu->sysreg[SOFT_TCR_EL1] = batch->tcr;
	cpu->sysreg[SOFT_MAIR_EL1] = batch->mair;
	cpu->sysreg[SOFT_VBAR_EL1] = VECTOR_VA;
	cpu->sysreg[SOFT_CPACR_EL1] = 3 << 20;
	soft_cpu_changed(cpu);
	for (unsigned i = 0; i < BATCH_CASES; i++)
		draw(worker, &worker->cases[index * BATCH_CASES + i], index * BATCH_CASES + i);
	machine_submit(&worker->machine);
}

static const char *compare(const struct integer_case *job, const struct slot *slot)
{
	const struct outcome *outcome = &slot->outcome[0];
	const struct trap *trap = &outcome->trap;

	if (trap->esr != job->esr)
		return "ends otherwise";
	if (trap->esr_el1 != job->esr_el1)
		return "ESR_EL1";
	if (job->has_far && trap->far_el1 != job->far_el1)
		return "FAR_EL1";
	if (memcmp(outcome->out.x, job->out.x, sizeof(job->out.x)))
		return "general-purpose registers";
	if (outcome->out.sp_el0 != job->out.sp_el0 || outcome->out.sp_el1 != job->out.sp_el1)
		return "SP";
	if (outcome->out.pc != job->out.pc)
		return "PC";
	if ((outcome->out.pstate ^ job->out.pstate) & ~(job->esr_el1 ? IGNORED_IN_EL1 : IGNORED))
		return "PSTATE";
	if (memcmp(slot->out_v, job->out_v, sizeof(job->out_v)))
		return "SIMD registers";
	return NULL;
}

static void describe(const struct integer_case *job, const struct slot *slot, const char *what,
		     char line[256])
{
	const struct outcome *outcome = &slot->outcome[0];
	unsigned d = job->word & 31, n = job->word >> 5 & 31, m = job->word >> 16 & 31;

	snprintf(line, 256,
		 "%s: %08x: %s: Xn %" PRIx64 ", Xm %" PRIx64 ", PSTATE %" PRIx64 "; ours, QEMU's: Xd %" PRIx64
		 " %" PRIx64 ", PSTATE %" PRIx64 " %" PRIx64 ", ESR_EL2 %" PRIx64 " %" PRIx64
		 ", ESR_EL1 %" PRIx64 " %" PRIx64,
		 soft_rows[job->row].name, job->word, what, n < 31 ? job->in.x[n] : 0,
		 m < 31 ? job->in.x[m] : 0, job->in.pstate, d < 31 ? job->out.x[d] : 0,
		 d < 31 ? outcome->out.x[d] : 0, job->out.pstate, outcome->out.pstate, job->esr,
		 outcome->trap.esr, job->esr_el1, outcome->trap.esr_el1);
}

static void judge_batch(struct integer_worker *worker, uint64_t number)
{
	struct integer_figures *figures = worker->figures;

	for (unsigned i = 0; i < BATCH_CASES; i++) {
		unsigned at = (unsigned)(number % BATCHES) * BATCH_CASES + i;
		const struct integer_case *job = &worker->cases[at];
		const struct slot *slot = machine_slot(&worker->machine, at);
		const char *what = compare(job, slot);

		figures->cases++;
		figures->row[job->row]++;
		figures->exceptions += job->esr_el1 != 0;
		if (!what)
			continue;
		figures->mismatches++;
		if (figures->failures < SHOWN)
			describe(job, slot, what, figures->failure[figures->failures++]);
	}
}

static bool run(struct integer_worker *worker, uint64_t cases)
{
	uint64_t drawn = 0;

	for (uint64_t judged = 0;; judged++) {
		for (; drawn * BATCH_CASES < cases && drawn < judged + BATCHES; drawn++)
			draw_batch(worker);
		if (judged == drawn)
			return true;
		if (!machine_wait(&worker->machine, judged + 1))
			return false;
		judge_batch(worker, judged);
	}
}

static bool run_integer_worker(const struct options *options, unsigned number,
			       struct integer_figures *figures)
{
	static struct integer_worker worker;
	bool good;

	worker.options = options;
	worker.figures = figures;
	worker.random = options->seed ^ (uint64_t)number << 56;
	worker.bus = (struct soft_bus){page, &worker, &worker.generation};
	worker.cpu = soft_cpu_create();
	worker.cases = calloc(BATCHES * BATCH_CASES, sizeof(*worker.cases));
	if (!worker.cpu || !worker.cases || !machine_start(&worker.machine, options->qemu, options->guest))
		return false;
	map_build(&worker.machine);
	good = machine_ready(&worker.machine) &&
	       run(&worker, options->cases / options->workers + (number < options->cases % options->workers));
	machine_stop(&worker.machine);
	return good;
}

/* Prints the sum; true if nothing is wrong. */
static bool report_integer(const struct options *options, const struct integer_figures *figures)
{
	uint64_t cases = 0, mismatches = 0, exceptions = 0, least = UINT64_MAX;
	unsigned rows = 0;

	for (unsigned row = 0; row < soft_row_count; row++) {
		uint64_t sum = 0;

		for (unsigned worker = 0; worker < options->workers; worker++)
			sum += figures[worker].row[row];
		if (sum && sum < least)
			least = sum;
		rows += sum != 0;
		if (!sum && !options->row)
			printf("not compared: %s\n", soft_rows[row].name);
	}
	for (unsigned worker = 0; worker < options->workers; worker++) {
		cases += figures[worker].cases;
		mismatches += figures[worker].mismatches;
		exceptions += figures[worker].exceptions;
		for (unsigned i = 0; i < figures[worker].failures; i++)
			printf("MISMATCH %s\n", figures[worker].failure[i]);
	}
	printf("%" PRIu64 " cases of %u of %zu rows, of each at least %" PRIu64 "; %" PRIu64
	       " took an exception into EL1; %" PRIu64 " mismatches\n",
	       cases, rows, soft_row_count, rows ? least : 0, exceptions, mismatches);
	return cases && !mismatches;
}

int integer_main(const struct options *options, const char *version)
{
	size_t bytes = options->workers * sizeof(struct integer_figures);
	struct integer_figures *figures =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good = true;

	if (figures == MAP_FAILED || soft_row_count > INTEGER_MOST) {
		perror("oracle");
		return 1;
	}
	for (unsigned worker = 0; worker < options->workers; worker++) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(!run_integer_worker(options, worker, &figures[worker]));
		}
	}
	for (unsigned left = options->workers; left; left--) {
		int status;

		good &= wait(&status) > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
	}
	good &= report_integer(options, figures);
	return good ? 0 : 1;
}
