/* SPDX-License-Identifier: BSD-2-Clause */
/* The translation oracle: workers, and what they found as docs/verification.md shows it. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <salvage/syndrome.h>

#include "translate.h"

#define AT_OFFSET(name, member) _Static_assert(offsetof(struct translate_slot, member) == T_##name, #member)

AT_OFFSET(SCTLR, sctlr);
AT_OFFSET(TCR, tcr);
AT_OFFSET(TTBR0, ttbr0);
AT_OFFSET(TTBR1, ttbr1);
AT_OFFSET(MAIR, mair);
AT_OFFSET(VBAR, vbar);
AT_OFFSET(SPSR, spsr);
AT_OFFSET(ELR, elr);
AT_OFFSET(X0, x0);
AT_OFFSET(X1, x1);
AT_OFFSET(TCR2, tcr2);
AT_OFFSET(PIR, pir);
AT_OFFSET(PIRE0, pire0);
AT_OFFSET(POR_EL0, por_el0);
AT_OFFSET(POR_EL1, por_el1);
AT_OFFSET(AT, at);
AT_OFFSET(CHECK, check);
AT_OFFSET(MARK, mark);
AT_OFFSET(ESR_EL2, esr_el2);
AT_OFFSET(FAR_EL2, far_el2);
AT_OFFSET(HPFAR_EL2, hpfar_el2);
AT_OFFSET(ESR_EL1, esr_el1);
AT_OFFSET(FAR_EL1, far_el1);
AT_OFFSET(X2, x2);
AT_OFFSET(FOUND, found);
AT_OFFSET(PAR, par);
_Static_assert(sizeof(struct translate_slot) == T_SLOT_BYTES, "slot");
_Static_assert(sizeof(struct translate_ids) == 64, "ids");
_Static_assert(BATCHES *BATCH_CASES *T_SLOT_BYTES <= T_STAGE2_PA - T_SLOTS_PA, "slots");
_Static_assert(T_ARENA_PA + BATCHES * T_ARENA_BYTES <= RAM_PA + RAM_BYTES, "arenas");

#define START_SECONDS 60

/* The program tells its ID registers once it runs. */
static bool read_ids(struct machine *machine, struct sv_mmu_id *id)
{
	struct translate_ids *ids = machine_at(machine, T_ID_PA);
	time_t end = time(NULL) + START_SECONDS;

	while (!__atomic_load_n(&ids->ready, __ATOMIC_ACQUIRE)) {
		if (time(NULL) > end || !machine_wait(machine, 0))
			return false;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	*id = ids->id;
	return true;
}

static void draw_batch(struct drawer *drawer, struct translate_job *jobs)
{
	unsigned index = drawer->machine->mail->produced % BATCHES;
	struct batch *batch = &drawer->machine->mail->batch[index];
	struct translate_job *first = &jobs[index * BATCH_CASES];

	translate_draw_batch(drawer, T_ARENA_PA + index * T_ARENA_BYTES);
	batch->count = BATCH_CASES;
	batch->slots_pa = T_SLOTS_PA + (uint64_t)index * BATCH_CASES * T_SLOT_BYTES;
	for (unsigned i = 0; i < BATCH_CASES; i++) {
		first[i].slot = (struct translate_slot *)machine_at(drawer->machine, batch->slots_pa) + i;
		translate_draw(drawer, &first[i]);
	}
	for (unsigned i = 0; i < BATCH_CASES; i++)
		translate_predict(drawer, &first[i]);
	machine_submit(drawer->machine);
}

static void judge_batch(const struct drawer *drawer, const struct translate_job *jobs, uint64_t number,
			struct translate_figures *figures)
{
	const struct translate_job *first = &jobs[number % BATCHES * BATCH_CASES];

	for (unsigned i = 0; i < BATCH_CASES; i++) {
		const char *what = translate_judge(drawer, &first[i], figures);

		if (!what)
			continue;
		figures->mismatches++;
		if (figures->failures < T_FAILURES)
			translate_describe(&first[i], what, figures->failure[figures->failures++]);
	}
}

static bool run(struct drawer *drawer, uint64_t cases, struct translate_figures *figures)
{
	struct translate_job *jobs = calloc(BATCHES * BATCH_CASES, sizeof(*jobs));
	uint64_t drawn = 0;

	if (!jobs)
		return false;
	for (uint64_t judged = 0;; judged++) {
		for (; figures->cases < cases && drawn < judged + BATCHES; drawn++)
			draw_batch(drawer, jobs);
		if (judged == drawn)
			break;
		if (!machine_wait(drawer->machine, judged + 1))
			return false;
		judge_batch(drawer, jobs, judged, figures);
	}
	free(jobs);
	return true;
}

static bool run_translate_worker(const struct options *options, unsigned number,
				 struct translate_figures *figures)
{
	static struct drawer drawer;
	struct machine machine;
	bool good;

	if (!machine_start(&machine, options->qemu, options->guest))
		return false;
	drawer.machine = &machine;
	drawer.random = options->seed ^ (uint64_t)number << 56;
	drawer.version = options->version;
	translate_build(&machine);
	good = read_ids(&machine, &figures->id);
	if (good) {
		drawer.features = sv_mmu_features(&figures->id);
		good = run(&drawer,
			   options->cases / options->workers + (number < options->cases % options->workers),
			   figures);
	}
	machine_stop(&machine);
	return good;
}

static void add(struct translate_figures *sum, const struct translate_figures *figures)
{
	/* Everything before the failures is a count. */
	const uint64_t *from = (const uint64_t *)figures;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < offsetof(struct translate_figures, failures) / sizeof(*to); i++)
		to[i] += from[i];
}

static void figure(const char *name, uint64_t value)
{
	printf("| %s | %" PRIu64 " |\n", name, value);
}

static void levels(const char *name, uint64_t counts[T_GRANULES][T_LEVELS])
{
	static const char *const granules[] = {"4K", "16K", "64K", "4K, DS", "16K, DS"};

	printf("\n| %s | -1 | 0 | 1 | 2 | 3 |\n|---|---:|---:|---:|---:|---:|\n", name);
	for (unsigned g = 0; g < T_GRANULES; g++) {
		printf("| %s |", granules[g]);
		for (unsigned level = 0; level < T_LEVELS; level++)
			printf(" %" PRIu64 " |", counts[g][level]);
		printf("\n");
	}
}

static void print_exclusions(const struct translate_figures *sum)
{
	static const char *const texts[] = {
#define X(name, text) text,
		TRANSLATE_EXCLUSIONS(X)
#undef X
	};

	for (unsigned i = 0; i < T_EXCLUSIONS; i++)
		if (sum->exclusions[i])
			printf("\nLeft out: %" PRIu64 " cases. %s\n", sum->exclusions[i], texts[i]);
}

static void print_missing(unsigned features)
{
	static const struct {
		unsigned feature;
		const char *name;
	} names[] = {
		{SV_MMU_LPA2_4K, "LPA2 (4K)"}, {SV_MMU_LPA2_16K, "LPA2 (16K)"},
		{SV_MMU_LVA, "LVA"},           {SV_MMU_TTST, "TTST"},
		{SV_MMU_HA, "HAFDBS (HA)"},    {SV_MMU_HD, "HAFDBS (HD)"},
		{SV_MMU_HPD, "HPDS"},          {SV_MMU_PAN3, "PAN3"},
		{SV_MMU_E0PD, "E0PD"},         {SV_MMU_TBID, "TBID"},
		{SV_MMU_MTX, "MTX"},           {SV_MMU_S1PIE, "S1PIE"},
		{SV_MMU_S1POE, "S1POE"},
	};
	bool any = false;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (features & names[i].feature)
			continue;
		printf("%s%s", any ? ", " : "\nNot covered, as this QEMU has it not: ", names[i].name);
		any = true;
	}
	printf("%s", any ? "\n" : "");
}

static void print(const struct options *options, const char *version, struct translate_figures *sum,
		  unsigned features)
{
	static const char *const ops[] = {"LDR", "STR", "LDTR", "STTR", "SWP", "fetches"};
	time_t now = time(NULL);
	char date[32];

	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	printf("\n| | |\n|---|---|\n| date | %s |\n| QEMU | %s |\n| seed, workers | %" PRIu64 ", %u |\n",
	       date, version, options->seed, options->workers);
	figure("cases compared", sum->cases);
	for (unsigned i = 0; i < OP_COUNT; i++)
		figure(ops[i], sum->ops[i]);
	figure("translated, word or output address compared", sum->translated);
	figure("with the MMU off", sum->flat);
	figure("AT compared", sum->at);
	figure("with permission indirection", sum->pie);
	figure("with an overlay", sum->overlays);
	figure("faults of an overlay", sum->overlay_faults);
	figure("faults of the dirty state", sum->dirty_faults);
	figure("mismatches", sum->mismatches);
	levels("start level", sum->starts);
	levels("level of the leaf", sum->leaves);
	printf("\n| fault | cases |\n|---|---:|\n");
	for (unsigned fsc = 0; fsc < 64; fsc++)
		if (sum->faults[fsc])
			printf("| 0x%02x %s | %" PRIu64 " |\n", fsc, sv_syndrome_fault(fsc),
			       sum->faults[fsc]);
	for (unsigned i = 0; i < 6; i++)
		printf("%s%u: %" PRIu64, i ? ", " : "\nDescriptors read: ", i, sum->reads[i]);
	for (unsigned i = 0; i < 8; i++)
		printf("%s%u: %" PRIu64, i ? ", " : "\nRegisters read: ", i, sum->registers[i]);
	printf("\n");
	print_exclusions(sum);
	print_missing(features);
}

/* Waits for the workers, and says how far they are. */
static bool watch(const struct options *options, const struct translate_figures *figures)
{
	time_t begun = time(NULL), told = begun;
	bool good = true;

	for (unsigned left = options->workers; left;) {
		uint64_t cases = 0, mismatches = 0;
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0) {
			left--;
			good &= WIFEXITED(status) && !WEXITSTATUS(status);
			continue;
		}
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
		if (time(NULL) - told < 10)
			continue;
		told = time(NULL);
		for (unsigned worker = 0; worker < options->workers; worker++) {
			cases += __atomic_load_n(&figures[worker].cases, __ATOMIC_RELAXED);
			mismatches += __atomic_load_n(&figures[worker].mismatches, __ATOMIC_RELAXED);
		}
		fprintf(stderr, "%" PRIu64 " cases, %" PRIu64 " mismatches, %" PRIu64 " a second\n", cases,
			mismatches, cases / (uint64_t)(told - begun));
	}
	return good;
}

int translate_main(const struct options *options, const char *version)
{
	size_t bytes = options->workers * sizeof(struct translate_figures);
	struct translate_figures *figures =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static struct translate_figures sum;
	bool good;

	if (figures == MAP_FAILED) {
		perror("oracle");
		return 1;
	}
	for (unsigned worker = 0; worker < options->workers; worker++) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(!run_translate_worker(options, worker, &figures[worker]));
		}
	}
	good = watch(options, figures);
	for (unsigned worker = 0; worker < options->workers; worker++)
		add(&sum, &figures[worker]);
	print(options, version, &sum, sv_mmu_features(&figures[0].id));
	for (unsigned worker = 0; worker < options->workers; worker++)
		for (unsigned i = 0; i < figures[worker].failures; i++)
			printf("MISMATCH %s\n", figures[worker].failure[i]);
	/* A store where we expect none may make the program run what it should not, and be lost. */
	return !good || sum.mismatches || !sum.cases;
}
