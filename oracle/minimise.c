/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "copy.h"
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
	struct job job = *search->job;
	const struct setting plain = {
		.kind = job.setting.kind,
		.len = job.setting.len,
		.vector = job.setting.vector,
		.dczid = job.setting.dczid,
	};
	uint64_t address;

	job.setting = plain;
	if (!try_at(search, &job, case_va(&job) << 8 >> 8)) {
		bool *const fields[] = {&job.setting.ee, &job.setting.e0e, &job.setting.tbi,
					&job.setting.privileged, &job.setting.torn};

		for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
			job = *search->job;
			*fields[i] = false;
			try_at(search, &job, i == 2 ? case_va(&job) << 8 >> 8 : case_va(&job));
		}
	}
	job = *search->job;
	address = case_va(&job);
	job.in.pstate = 0x3c5;
	try_at(search, &job, address);
	job = *search->job;
	address = case_va(&job);
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
		uint64_t address = case_va(&job);
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
	uint64_t address = case_va(search->job);

	for (unsigned i = 0; i < 33; i++) {
		struct job job = *search->job;

		*numbered(&job.in, i) = telling(i);
		try_at(search, &job, address);
	}
	for (unsigned i = 0; i < 32; i++) {
		struct job job = *search->job;

		job.v[i][0] = telling(i);
		job.v[i][1] = ~telling(i);
		for (unsigned byte = 0; byte < job.setting.vector; byte++)
			job.z[i * job.setting.vector + byte] = (uint8_t)(16 * i + 3 * byte + 1);
		try(search, &job);
	}
	for (unsigned i = 0; i < 2 * search->job->setting.vector; i++) {
		struct job job = *search->job;

		job.p[i] = 0xff;
		try(search, &job);
	}
	for (unsigned i = 0; i < search->job->bytes; i += 64) {
		struct job job = *search->job;

		telling_memory(job.window + i, 64);
		try(search, &job);
	}
}

/* What QEMU makes of a case: everything a case can change. */
struct changes {
	struct registers out;
	uint64_t v[32][2];
	uint8_t z[VECTORS_Z], p[VECTORS_P];
	uint8_t window[WINDOW_MOST];
};

static bool outcome(struct search *search, struct job *job, struct changes *changes)
{
	const struct slot *slot;

	run_single(job, search->machine, search->version);
	slot = machine_slot(search->machine, job->slot);
	memset(changes, 0, sizeof(*changes));
	changes->out = slot->outcome[PASS_MEMORY].out;
	if (job->setting.kind == KIND_VECTOR) {
		const struct vectors *vectors = machine_vectors(search->machine, job->slot);

		memcpy(changes->z, vectors->out_z, 32 * job->setting.vector);
		memcpy(changes->p, vectors->out_p, 2 * job->setting.vector);
	} else {
		memcpy(changes->v, slot->out_v, sizeof(changes->v));
	}
	case_window_read(job, search->machine, PASS_MEMORY, changes->window);
	return slot->outcome[PASS_MEMORY].out.pc == job->in.pc + 4;
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
static bool is_read(struct search *search, const struct changes *usual, unsigned i, bool *written)
{
	struct job job = *search->job;
	struct changes other;
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

static bool is_v_read(struct search *search, const struct changes *usual, unsigned i)
{
	struct job job = *search->job;
	struct changes other;

	job.v[i][0] ^= 0x5a5a5a5a5a5a5a5a;
	job.v[i][1] ^= 0x5a5a5a5a5a5a5a5a;
	if (!outcome(search, &job, &other))
		return true;
	if (!memcmp(other.v[i], job.v[i], sizeof(job.v[i])))
		memcpy(other.v[i], usual->v[i], sizeof(job.v[i]));
	return memcmp(usual, &other, sizeof(other));
}

static uint8_t *wide(struct changes *changes, struct job *job, bool predicate, unsigned i, unsigned *bytes)
{
	*bytes = job->setting.vector / (predicate ? 8 : 1);
	if (changes)
		return (predicate ? changes->p : changes->z) + i * *bytes;
	return (predicate ? job->p : job->z) + i * *bytes;
}

static bool is_wide_read(struct search *search, const struct changes *usual, bool predicate, unsigned i)
{
	struct job job = *search->job;
	struct changes other;
	unsigned bytes;
	uint8_t *in = wide(NULL, &job, predicate, i, &bytes), *out;

	for (unsigned byte = 0; byte < bytes; byte++)
		in[byte] ^= 0xff;
	if (!outcome(search, &job, &other))
		return true;
	out = wide(&other, &job, predicate, i, &bytes);
	if (!memcmp(out, in, bytes))
		memcpy(out, wide((struct changes *)usual, &job, predicate, i, &bytes), bytes);
	return memcmp(usual, &other, sizeof(other));
}

/* The bytes that are accessed: those that QEMU changes, or whose change changes what QEMU does. */
static void accessed(struct search *search, const struct changes *usual, bool *touched, unsigned *first,
		     unsigned *last)
{
	const struct trap *hole = &machine_slot(search->machine, search->job->slot)->outcome[PASS_HOLE].trap;
	unsigned near = (unsigned)(hole->far - case_window_va(search->job)), bytes = search->job->bytes;
	struct changes other;
	struct job job;

	*first = bytes;
	*last = 0;
	for (unsigned i = 0; i < bytes; i++) {
		touched[i] = usual->window[i] != search->job->window[i];

		/*
		 * A case costs a fraction of a millisecond, and the footprint is close to where the hole
		 * was met.
		 */
		if (!touched[i] && i - near + bytes / 2 < bytes) {
			job = *search->job;
			job.window[i] ^= 0xff;
			outcome(search, &job, &other);
			touched[i] = other.window[i] == usual->window[i];
			other.window[i] = usual->window[i];
			touched[i] |= !!memcmp(&other, usual, sizeof(other));
		}
		if (touched[i]) {
			*first = *first < i ? *first : i;
			*last = i;
		}
	}
}

static void print_access(struct text *text, const struct search *search, const struct changes *usual,
			 const bool *touched, unsigned first, unsigned last)
{
	const struct job *job = search->job;
	unsigned count = job->insn.count, bytes = last - first + 1, esize;
	bool write = job->row->flags & SV_ROW_STORE;
	const uint8_t *data = write ? usual->window : job->window;
	struct sv_plan plan;
	bool planned = job->setting.kind == KIND_VECTOR && model_plan(job, &plan) == SV_OK;

	if (first > last) {
		print(text, "(no memory)");
		return;
	}
	if (!count || bytes % count)
		count = 1;
	esize = bytes / count;
	if (planned && plan.esize && !(bytes % plan.esize)) {
		esize = plan.esize;
		count = bytes / esize;
	}
	/* How many elements there are, active or not, only the plan says. */
	if (planned && plan.predicated) {
		first = (unsigned)(plan.va - case_window_va(job));
		count = plan.count;
		esize = plan.esize;
		last = first + count * esize - 1;
	}
	print(text, "%c %llx %ux%u ", write ? 'w' : 'r', (unsigned long long)(case_window_va(job) + first),
	      count, esize);
	for (unsigned i = first; i <= last && i < job->bytes; i++) {
		if (touched[i])
			print(text, "%02x", data[i]);
		else
			print(text, "..");
	}
	print(text, "%s%s%s%s", job->row->flags & SV_ROW_ACQUIRE ? " acquire" : "",
	      job->row->flags & SV_ROW_RELEASE ? " release" : "",
	      job->row->flags & SV_ROW_UNPRIV ? " unprivileged" : "",
	      planned && plan.unsized ? " unsized" : "");
	if (planned && plan.tags)
		print(text, plan.no_access ? " tags-only" : " tags");
	if (planned && plan.align != plan.esize)
		print(text, " align=%u", plan.align);
}

static void print_wide(struct text *text, struct changes *changes, struct job *job, bool predicate,
		       unsigned i)
{
	unsigned bytes;
	const uint8_t *value = wide(changes, job, predicate, i, &bytes);

	print(text, "%c%u=", predicate ? 'p' : 'z', i);
	while (bytes--)
		print(text, "%02x", value[bytes]);
	print(text, " ");
}

/* The general registers written: the base, or all others from Rt on. */
static bool print_general(struct text *text, const struct job *job, const struct changes *usual,
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
static void print_after(struct text *text, const struct job *job, const struct changes *usual,
			const bool *written)
{
	bool any = print_general(text, job, usual, written, false);

	for (unsigned i = 0; job->setting.kind != KIND_VECTOR && i < 32; i++)
		if (memcmp(job->v[i], usual->v[i], sizeof(job->v[i]))) {
			print(text, "v%u=%llx%016llx ", i, (unsigned long long)usual->v[i][1],
			      (unsigned long long)usual->v[i][0]);
			any = true;
		}
	for (unsigned i = 0; job->setting.kind == KIND_VECTOR && i < 48; i++) {
		bool predicate = i >= 32;
		unsigned bytes;
		const uint8_t *in = wide(NULL, (struct job *)job, predicate, i % 32, &bytes);

		if (memcmp(in, wide((struct changes *)usual, (struct job *)job, predicate, i % 32, &bytes),
			   bytes)) {
			print_wide(text, (struct changes *)usual, (struct job *)job, predicate, i % 32);
			any = true;
		}
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
	struct changes usual;
	char mnemonics[128];
	bool written[33], touched[WINDOW_MOST];

	sv_insn_format(&job->insn, 0, mnemonics, sizeof(mnemonics));
	print(text, "%08x  %s  ", job->insn.word, mnemonics);
	if (!outcome(search, job, &usual)) {
		const struct trap *trap =
			&machine_slot(search->machine, job->slot)->outcome[PASS_MEMORY].trap;

		print(text, "pstate=%llx: EL1 exception: ESR_EL2 %llx ESR_EL1 %llx FAR_EL1 %llx",
		      (unsigned long long)job->in.pstate, (unsigned long long)trap->esr,
		      (unsigned long long)trap->esr_el1, (unsigned long long)trap->far_el1);
		return;
	}
	if (job->row->iclass == SV_CLASS_SVE && job->setting.kind == KIND_VECTOR)
		print(text, "vl=%u ", job->setting.vector);
	for (unsigned i = 0; i < 33; i++)
		if (is_read(search, &usual, i, &written[i]))
			print_register(text, i, *numbered(&job->in, i));
	for (unsigned i = 0; job->setting.kind != KIND_VECTOR && i < 32; i++)
		if (is_v_read(search, &usual, i))
			print(text, "v%u=%llx%016llx ", i, (unsigned long long)job->v[i][1],
			      (unsigned long long)job->v[i][0]);
	if (job->row->iclass == SV_CLASS_ZERO)
		print(text, "dczid=%llx ", (unsigned long long)job->setting.dczid);
	for (unsigned i = 0; job->setting.kind == KIND_VECTOR && i < 48; i++)
		if (is_wide_read(search, &usual, i >= 32, i % 32))
			print_wide(text, NULL, job, i >= 32, i % 32);
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
	accessed(search, &usual, touched, &first, &last);
	print_access(text, search, &usual, touched, first, last);
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
	      (unsigned long long)case_va(search->job));
	print(text, "  memory: esr=%llx esr_el1=%llx far_el1=%llx",
	      (unsigned long long)slot->outcome[PASS_MEMORY].trap.esr,
	      (unsigned long long)slot->outcome[PASS_MEMORY].trap.esr_el1,
	      (unsigned long long)slot->outcome[PASS_MEMORY].trap.far_el1);
	for (unsigned i = 0; i < PASSES - 1; i++)
		print(text, "  %s: esr=%llx far=%llx hpfar=%llx", names[i],
		      (unsigned long long)slot->outcome[i + 1].trap.esr,
		      (unsigned long long)slot->outcome[i + 1].trap.far,
		      (unsigned long long)slot->outcome[i + 1].trap.hpfar);
}

/* A copy is simple if it is short, forward, at the beginning of pages, and in plain registers. */
static void simplify_copy(struct search *search)
{
	static const unsigned sizes[] = {1, 16, 256, 272, 512, 4096, 4112};
	static const unsigned offsets[][2] = {{0x1000, 0x3000}, {0x2000, 0x3000}};
	struct job job = *search->job;

	job.in.pstate = 0x3c5;
	job.setting.ee = job.setting.e0e = job.setting.tbi = job.setting.privileged = false;
	job.copy.tag = job.copy.from_tag = 0;
	copy_encode(&job);
	try(search, &job);
	job = *search->job;
	job.copy.device = job.copy.from_device = job.device = false;
	copy_encode(&job);
	try(search, &job);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		job = *search->job;
		job.copy.to = offsets[i][0];
		job.copy.from = offsets[i][1];
		copy_settle(&job);
		copy_encode(&job);
		try(search, &job);
	}
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		job = *search->job;
		job.copy.bytes = sizes[i];
		copy_settle(&job);
		copy_encode(&job);
		if (sizes[i] < search->job->copy.bytes && try(search, &job))
			break;
	}
}

/* As a line of execute.txt: of the abort of a pass, one chunk. */
static bool print_chunk(const struct job *job, const struct registers *before, struct text *text)
{
	const struct sv_insn *insn = &job->insn;
	bool set = !(job->row->flags & SV_ROW_LOAD);
	struct chunk chunk;
	struct sv_plan plan;
	struct job here = *job;
	char mnemonics[128];

	if (!copy_chunk(job, before, &chunk))
		return false;
	here.in = *before;
	here.insn = chunk.insn;
	if (model_plan(&here, &plan))
		return false;
	sv_insn_format(&chunk.insn, 0, mnemonics, sizeof(mnemonics));
	print(text, "%08x  %s  ", chunk.insn.word, mnemonics);
	for (unsigned i = 0; i < 31; i++)
		if (i == insn->Rt || i == insn->Rn || i == insn->Rs)
			print_register(text, i, before->x[i]);
	print(text, "%s w %llx %ux1 ", SV_PSTATE_EL(before->pstate) ? "" : "el0 ",
	      (unsigned long long)chunk.to, chunk.count);
	for (unsigned i = 0; i < chunk.count; i++)
		print(text, "%02x", chunk.bytes[i]);
	if (!set)
		print(text, " from=%llx", (unsigned long long)chunk.from);
	print(text, "%s%s unsized%s  ", plan.unprivileged ? " unprivileged" : "",
	      plan.from_unprivileged ? " from-unprivileged" : "", plan.tags ? " tags align=16" : "");
	if (chunk.after.x[insn->Rt] != before->x[insn->Rt])
		print_register(text, insn->Rt, chunk.after.x[insn->Rt]);
	if (!set && chunk.after.x[insn->Rs] != before->x[insn->Rs])
		print_register(text, insn->Rs, chunk.after.x[insn->Rs]);
	print_register(text, insn->Rn, chunk.after.x[insn->Rn]);
	print(text, "\n");
	return true;
}

/* The chunk, and what QEMU makes of the case, pass by pass. */
static void print_copy(const struct search *search, struct text *text)
{
	static const char *const names[] = {"memory", "hole", "odd", "read-only"};
	const struct job *job = search->job;
	const struct slot *slot = machine_slot(search->machine, job->slot);
	const uint8_t numbers[] = {job->insn.Rt, job->insn.Rs, job->insn.Rn};
	bool printed = false;

	for (unsigned pass = PASS_HOLE; pass < PASSES && !printed; pass++)
		if (slot->outcome[pass].out.pc < (job->in.pc & ~UINT64_C(15)) + 12)
			printed = print_chunk(job, &slot->outcome[pass].out, text);
	print(text, "%08x at pstate=%llx, %u bytes%s:", job->insn.word, (unsigned long long)job->in.pstate,
	      job->copy.bytes, job->copy.backward ? " backward" : "");
	for (unsigned pass = 0; pass < PASSES; pass++) {
		const struct outcome *outcome = &slot->outcome[pass];

		print(text, "  %s: pc+%lld esr=%llx far=%llx ", names[pass],
		      (long long)(outcome->out.pc - job->in.pc), (unsigned long long)outcome->trap.esr,
		      (unsigned long long)outcome->trap.far);
		for (unsigned i = 0; i < 3; i++)
			if (numbers[i] != 31)
				print_register(text, numbers[i], outcome->out.x[numbers[i]]);
	}
}

void minimise(struct job *job, const char *what, struct machine *machine, unsigned version, char *line,
	      size_t size)
{
	static const char *const state[] = {"general registers",
					    "SIMD registers",
					    "SVE registers",
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
	if (job->setting.kind == KIND_COPY) {
		simplify_copy(&search);
		again(&search);
		print_copy(&search, &text);
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
