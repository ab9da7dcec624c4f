/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "minimise.h"
#include "run.h"

struct search {
	struct job *job; /* the simplest so far that fails in the same way */
	const char *what;
	struct machine *machine;
	unsigned version;
};

/* X0 to X30, SP_EL0, SP_EL1 */
static uint64_t *numbered(struct registers *registers, unsigned i)
{
	return i < 31 ? &registers->x[i] : i == 31 ? &registers->sp_el0 : &registers->sp_el1;
}

static uint64_t target(const struct job *job)
{
	struct sv_plan plan;

	return model_plan(job, &plan) == SV_OK ? plan.va : 0;
}

/* Takes candidate if it still fails. */
static bool try(struct search *search, struct job *candidate)
{
	struct verdict verdict = run_single(candidate, search->machine, search->version);

	if (!verdict.what || strcmp(verdict.what, search->what))
		return false;
	*search->job = *candidate;
	return true;
}

/* Whether the case fails at all when it runs alone. */
static bool again(struct search *search)
{
	struct job job = *search->job;

	return try(search, &job);
}

/* As try, with the base register set so that the access goes to address. */
static bool try_at(struct search *search, struct job *candidate, uint64_t address)
{
	if (candidate->row->mode != SV_MODE_LITERAL)
		case_aim(candidate, address);
	return try(search, candidate);
}

static void simplify_setting(struct search *search)
{
	const struct setting plain = {0};
	struct job job = *search->job;
	uint64_t address;

	job.setting = plain;
	if (!try_at(search, &job, target(&job) << 8 >> 8)) {
		bool *const fields[] = {&job.setting.ee, &job.setting.e0e, &job.setting.tbi,
					&job.setting.privileged};

		for (unsigned i = 0; i < 4; i++) {
			job = *search->job;
			*fields[i] = false;
			try_at(search, &job, i == 2 ? target(&job) << 8 >> 8 : target(&job));
		}
	}
	job = *search->job;
	address = target(&job);
	job.in.pstate = 0x3c5;
	try_at(search, &job, address);
	job = *search->job;
	address = target(&job);
	if (job.device && job.row->mode != SV_MODE_LITERAL) {
		job.device = false;
		try_at(search, &job, address - (DEVICE_VA - NORMAL_VA));
	}
	for (unsigned align = 0; align < 16; align++) {
		job = *search->job;
		if (try_at(search, &job, case_window_va(&job) + 256 + align))
			break;
	}
}

static void simplify_word(struct search *search)
{
	/* Immediates: none, or a small one; then registers. The last is an index. */
	static const struct {
		uint32_t mask, value;
	} fields[] = {
		{0x3ffc00, 0}, {0x3ffc00, 0x8000}, {0x3fc000, 0},       {0x3f8000, 0},
		{31, 1},       {31 << 5, 2 << 5},  {31 << 10, 3 << 10}, {31 << 16, 4 << 16},
	};
	const unsigned count =
		sizeof(fields) / sizeof(*fields) - (search->job->row->mode != SV_MODE_REGISTER);

	for (unsigned i = 0; i < count; i++) {
		struct job job = *search->job;
		uint64_t address = target(&job);
		uint32_t word = (job.insn.word & ~fields[i].mask) | fields[i].value;

		word = (word & ~job.row->mask) | job.row->value;
		if (sv_decode(SV_A64, word, &job.insn) == SV_OK && !job.insn.unpredictable)
			try_at(search, &job, address);
	}
}

/* Bytes that tell where they come from, as the unit tests have them. */
static uint64_t telling(unsigned i)
{
	return UINT64_C(0x8182838485868700) | i;
}

static void telling_memory(uint8_t *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		bytes[i] = (uint8_t)(0x91 + 7 * i);
}

static void simplify_state(struct search *search)
{
	uint64_t address = target(search->job);

	for (unsigned i = 0; i < 33; i++) {
		struct job job = *search->job;

		*numbered(&job.in, i) = telling(i);
		try_at(search, &job, address);
	}
	for (unsigned i = 0; i < 32; i++) {
		struct job job = *search->job;

		job.v[i][0] = telling(i);
		job.v[i][1] = ~telling(i);
		try(search, &job);
	}
	for (unsigned i = 0; i < WINDOW_BYTES; i += 64) {
		struct job job = *search->job;

		telling_memory(job.window + i, 64);
		try(search, &job);
	}
}

/* What QEMU makes of a case: everything a case can change. */
struct outcome {
	struct registers out;
	uint64_t v[32][2];
	uint8_t window[WINDOW_BYTES];
};

static bool outcome(struct search *search, struct job *job, struct outcome *outcome)
{
	const struct slot *slot;

	run_single(job, search->machine, search->version);
	slot = machine_slot(search->machine, job->slot);
	outcome->out = slot->out;
	memcpy(outcome->v, slot->out_v, sizeof(outcome->v));
	case_window_read(job, search->machine, outcome->window);
	return slot->out.pc == job->in.pc + 4;
}

struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void print(struct text *text, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text->at, text->left, format, list);
	va_end(list);
	if (length > 0 && (size_t)length < text->left) {
		text->at += length;
		text->left -= (size_t)length;
	}
}

static void print_register(struct text *text, unsigned i, uint64_t value)
{
	if (i < 31)
		print(text, "x%u=%llx ", i, (unsigned long long)value);
	else
		print(text, "%s=%llx ", i == 31 ? "sp_el0" : "sp_el1", (unsigned long long)value);
}

/*
 * Register i is read if another value of it changes anything else, and written if another value of it does
 * not last.
 */
static bool is_read(struct search *search, const struct outcome *usual, unsigned i, bool *written)
{
	struct job job = *search->job;
	struct outcome other;
	bool completes;

	*numbered(&job.in, i) ^= 0x5a5a5a5a5a5a5a5a;
	completes = outcome(search, &job, &other);
	*written = *numbered((struct registers *)&usual->out, i) != *numbered(&search->job->in, i);
	if (!completes)
		return true;
	*written |= *numbered(&other.out, i) != *numbered(&job.in, i);
	/* Unchanged by the instruction, or written with the same value, it is not read. */
	if (*numbered(&other.out, i) == *numbered(&job.in, i))
		*numbered(&other.out, i) = *numbered((struct registers *)&usual->out, i);
	return memcmp(usual, &other, sizeof(other));
}

static bool is_v_read(struct search *search, const struct outcome *usual, unsigned i)
{
	struct job job = *search->job;
	struct outcome other;

	job.v[i][0] ^= 0x5a5a5a5a5a5a5a5a;
	job.v[i][1] ^= 0x5a5a5a5a5a5a5a5a;
	if (!outcome(search, &job, &other))
		return true;
	if (!memcmp(other.v[i], job.v[i], sizeof(job.v[i])))
		memcpy(other.v[i], usual->v[i], sizeof(job.v[i]));
	return memcmp(usual, &other, sizeof(other));
}

/* The bytes that are accessed: those that QEMU changes, or whose change changes what QEMU does. */
static void accessed(struct search *search, const struct outcome *usual, unsigned *first, unsigned *last)
{
	const struct trap *hole = &machine_slot(search->machine, search->job->slot)->brief[PASS_HOLE - 1];
	unsigned near = (unsigned)(hole->far - case_window_va(search->job));
	struct outcome other;
	struct job job;

	*first = WINDOW_BYTES;
	*last = 0;
	for (unsigned i = 0; i < WINDOW_BYTES; i++) {
		bool touched = usual->window[i] != search->job->window[i];

		/*
		 * A case costs a fraction of a millisecond, and the footprint is close to where the hole
		 * was met.
		 */
		if (!touched && i - near + 64 < 256) {
			job = *search->job;
			job.window[i] ^= 0xff;
			outcome(search, &job, &other);
			touched = other.window[i] == usual->window[i];
			other.window[i] = usual->window[i];
			touched |= !!memcmp(&other, usual, sizeof(other));
		}
		if (touched) {
			*first = *first < i ? *first : i;
			*last = i;
		}
	}
}

static void print_access(struct text *text, const struct search *search, const struct outcome *usual,
			 unsigned first, unsigned last)
{
	const struct job *job = search->job;
	unsigned count = job->insn.count, bytes = last - first + 1;
	bool write = job->row->flags & SV_ROW_STORE;
	const uint8_t *data = write ? usual->window : job->window;

	if (first > last) {
		print(text, "(no memory)");
		return;
	}
	if (!count || bytes % count)
		count = 1;
	print(text, "%c %llx %ux%u ", write ? 'w' : 'r', (unsigned long long)(case_window_va(job) + first),
	      count, bytes / count);
	for (unsigned i = first; i <= last; i++)
		print(text, "%02x", data[i]);
	print(text, "%s%s%s", job->row->flags & SV_ROW_ACQUIRE ? " acquire" : "",
	      job->row->flags & SV_ROW_RELEASE ? " release" : "",
	      job->row->flags & SV_ROW_UNPRIV ? " unprivileged" : "");
}

/* The general registers written: the base, or all others from Rt on. */
static bool print_general(struct text *text, const struct job *job, const struct outcome *usual,
			  const bool *written, bool base)
{
	bool any = false;

	for (unsigned i = 0; i < 33; i++) {
		unsigned n = (i + job->insn.Rt) % 33;

		if (!written[n] || (n == job->insn.Rn || n > 30) != base)
			continue;
		print_register(text, n, *numbered((struct registers *)&usual->out, n));
		any = true;
	}
	return any;
}

/* In the order in which salvage writes: what was loaded, then the base. */
static void print_after(struct text *text, const struct job *job, const struct outcome *usual,
			const bool *written)
{
	bool any = print_general(text, job, usual, written, false);

	for (unsigned i = 0; i < 32; i++)
		if (memcmp(job->v[i], usual->v[i], sizeof(job->v[i]))) {
			print(text, "v%u=%llx%016llx ", i, (unsigned long long)usual->v[i][1],
			      (unsigned long long)usual->v[i][0]);
			any = true;
		}
	any |= print_general(text, job, usual, written, true);
	if (!any)
		print(text, "-");
}

/* The line, in QEMU's words: what is right if QEMU is. */
static void print_case(struct search *search, struct text *text)
{
	struct job *job = search->job;
	unsigned el = SV_PSTATE_EL(job->in.pstate), first, last;
	struct outcome usual;
	char mnemonics[128];
	bool written[33];

	sv_insn_format(&job->insn, 0, mnemonics, sizeof(mnemonics));
	print(text, "%08x  %s  ", job->insn.word, mnemonics);
	if (!outcome(search, job, &usual)) {
		const struct trap *trap = &machine_slot(search->machine, job->slot)->trap;

		print(text, "pstate=%llx: EL1 exception: ESR_EL2 %llx ESR_EL1 %llx FAR_EL1 %llx",
		      (unsigned long long)job->in.pstate, (unsigned long long)trap->esr,
		      (unsigned long long)trap->esr_el1, (unsigned long long)trap->far_el1);
		return;
	}
	for (unsigned i = 0; i < 33; i++)
		if (is_read(search, &usual, i, &written[i]))
			print_register(text, i, *numbered(&job->in, i));
	for (unsigned i = 0; i < 32; i++)
		if (is_v_read(search, &usual, i))
			print(text, "v%u=%llx%016llx ", i, (unsigned long long)job->v[i][1],
			      (unsigned long long)job->v[i][0]);
	/* Another base is an abort, so it tells nothing of a base that is written with its own value. */
	if (job->row->mode == SV_MODE_PRE || job->row->mode == SV_MODE_POST)
		written[job->insn.Rn < 31                     ? job->insn.Rn
			: el && job->in.pstate & SV_PSTATE_SP ? 32
							      : 31] = true;
	if (job->row->mode == SV_MODE_LITERAL)
		print(text, "pc=%llx ", (unsigned long long)job->in.pc);
	if (!el || !(job->in.pstate & SV_PSTATE_SP))
		print(text, "%s ", el ? "el1t" : "el0");
	print(text, "%s%s ", job->setting.ee ? "ee " : "", job->setting.e0e ? "e0e " : "");
	accessed(search, &usual, &first, &last);
	print_access(text, search, &usual, first, last);
	print(text, "  ");
	print_after(text, job, &usual, written);
}

static void print_syndromes(const struct search *search, struct text *text)
{
	static const char *const names[] = {"hole", "odd", "read-only"};
	const struct slot *slot = machine_slot(search->machine, search->job->slot);
	char mnemonics[128];

	sv_insn_format(&search->job->insn, 0, mnemonics, sizeof(mnemonics));
	print(text, "%08x  %s  va=%llx", search->job->insn.word, mnemonics,
	      (unsigned long long)target(search->job));
	for (unsigned i = 0; i < PASSES - 1; i++)
		print(text, "  %s: esr=%llx far=%llx hpfar=%llx", names[i],
		      (unsigned long long)slot->brief[i].esr, (unsigned long long)slot->brief[i].far,
		      (unsigned long long)slot->brief[i].hpfar);
}

void minimise(struct job *job, const char *what, struct machine *machine, unsigned version, char *line,
	      size_t size)
{
	static const char *const state[] = {"general registers",
					    "SIMD registers",
					    "stack pointers",
					    "PC",
					    "PSTATE",
					    "memory",
					    "we access what we should not",
					    "the row decoded",
					    "an exception where we expect none",
					    "FAR"};
	struct search search = {job, what, machine, version};
	struct text text = {line, size};
	bool is_state = false;

	*line = 0;
	if (!again(&search)) {
		print(&text, "case %llu, %08x: does not fail when run alone", (unsigned long long)job->number,
		      job->insn.word);
		return;
	}
	simplify_setting(&search);
	simplify_word(&search);
	simplify_state(&search);
	for (unsigned i = 0; i < sizeof(state) / sizeof(*state); i++)
		is_state |= !strcmp(what, state[i]);
	again(&search);
	if (is_state)
		print_case(&search, &text);
	else
		print_syndromes(&search, &text);
}
