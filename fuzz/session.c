/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole sessions on a guest from the input (guest.c), and DESIGN.md's invariants of each: one ending, nothing
 * touched unless the instruction was performed, every word read once, bounded work, accesses as the
 * architecture has them, and a report that can be printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/abort.h>
#include <salvage/except.h>
#include <salvage/syndrome.h>

#include "abort/session.h"
#include "support/memory-vcpu.h"
#include "vmm/events.h"

#include "guest.h"

#define PATTERN 0xa5

/* Every active element of the longest predicate may lie on a page that faults anew; five descriptors each. */
#define LOADS_MAX (5 * (SV_PLAN_ELEMENTS + 8) + 1)

static struct fuzz_guest guest;
static struct memory_vcpu vcpu, before;
static struct sv_session session;

/* What a session did so far. */
static struct {
	unsigned reads;          /* of memory, in all rounds */
	unsigned prepared;       /* reads before anything was performed */
	unsigned words;          /* of them opcodes */
	unsigned loaded, stored; /* bytes of elements */
	unsigned asked, refused; /* accesses */
	unsigned device_bytes;
	uint64_t table;  /* the descriptor read last, if it is one of a table */
	unsigned depth;  /* descriptors read in this walk */
	unsigned offset; /* in the footprint, of the element performed last */
	bool any;        /* there was one */
} did;

/* How many descriptors a walk has, with tables of 4 KiB and one size of addresses; 0: it is not as simple. */
static unsigned levels(uint64_t tcr)
{
	unsigned bits = 64 - (tcr & 0x3f);

	if ((tcr >> 14 & 3) != 0 || (tcr >> 30 & 3) != 2 || tcr >> 59 & 1 || (tcr ^ tcr >> 16) & 0x3f)
		return 0;
	return bits <= 48 && bits >= 25 ? (bits - 12 + 8) / 9 : 0;
}

/*
 * A descriptor is in the table that the last one names, if that is one of a table, and a walk begins where a
 * base register says: nothing on the way is read twice.
 */
static void judge_descriptor(uint64_t ipa, uint64_t value)
{
	const uint64_t page = UINT64_C(0x0000fffffffff000);
	unsigned depth = levels(vcpu.regs[SV_TCR_EL1]);

	if (!depth)
		return;
	if (did.table) {
		claim(!((did.table ^ ipa) & page) ||
		      !is_memory(sv_space_find(&guest.space, did.table & page, false).kind));
		did.depth++;
	}
	if (!did.table || (did.table ^ ipa) & page) {
		claim(!((vcpu.regs[SV_TTBR0_EL1] ^ ipa) & page) || !((vcpu.regs[SV_TTBR1_EL1] ^ ipa) & page));
		did.depth = 1;
	}
	claim(did.depth <= depth);
	if (vcpu.regs[SV_SCTLR_EL1] & SV_SCTLR_EE)
		value = __builtin_bswap64(value);
	did.table = (value & 3) == 3 && did.depth < depth ? value | 3 : 0;
}

static enum sv_status load(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	const uint8_t *from = fuzz_guest_memory(&guest, region, ipa, size);
	enum sv_status status = from ? SV_OK : SV_FAULT;
	uint64_t value = 0;

	claim(size == 1 || size == 2 || size == 4 || size == 8);
	claim(is_memory(region->kind) && ipa >= region->first && region->last - ipa >= size - 1);
	if (from) {
		memcpy(&value, from, size);
		memcpy(data, &value, size);
	}
	if (session.state == SV_SESSION_FRESH) {
		claim(size >= 4 && !(ipa % size) && ++did.prepared <= LOADS_MAX);
		if (size == 4) {
			claim(!did.words++);
			did.table = 0;
		} else {
			judge_descriptor(ipa, value);
			if (!from)
				did.table = 0;
		}
	} else {
		did.loaded += from ? size : 0;
	}
	fuzz_guest_change(&guest, ++did.reads);
	return status;
}

static enum sv_status store(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	uint8_t *to = fuzz_guest_memory(&guest, region, ipa, size);

	claim(size == 1 || size == 2 || size == 4 || size == 8);
	claim(session.state != SV_SESSION_FRESH && region->kind == SV_REGION_RAM);
	claim(ipa >= region->first && region->last - ipa >= size - 1);
	if (!to)
		return SV_FAULT;
	memcpy(to, data, size);
	did.stored += size;
	return SV_OK;
}

static struct sv_cpu_ops ops;

static void begin_vcpu(void)
{
	static uint8_t z[sizeof(vcpu.z)], p[sizeof(vcpu.p)];

	if (!z[0]) {
		for (unsigned i = 0; i < sizeof(z); i++)
			z[i] = (uint8_t)fuzz_noise(1, i) | 1;
		for (unsigned i = 0; i < sizeof(p); i++)
			p[i] = (uint8_t)fuzz_noise(2, i) | (i % SV_PREDICATE_BYTES < 2 ? 1 : 0);
	}
	memory_vcpu_init(&vcpu, guest.ram);
	ops = *vcpu.cpu.ops;
	ops.load = load;
	ops.store = store;
	if (guest.no_simd)
		ops.regs.get_simd = NULL;
	if (guest.no_sve)
		ops.regs.vector_length = NULL;
	vcpu.cpu.ops = &ops;
	vcpu.cpu.flags = guest.cpu_flags;
	vcpu.cpu.mmu_features = guest.mmu_features;
	vcpu.cpu.host_steps = guest.host_steps;
	vcpu.vector = guest.vector;
	vcpu.broken_reg = guest.broken_reg;
	vcpu.cannot_inject = guest.cannot_inject;
	memcpy(vcpu.regs, guest.regs, sizeof(vcpu.regs));
	memcpy(vcpu.z, z, sizeof(z));
	memcpy(vcpu.p, p, sizeof(p));
}

static enum sv_status look(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct sv_place place = sv_space_find(&guest.space, ipa, false);
	const uint8_t *from = is_memory(place.kind) ? fuzz_guest_memory(&guest, place.region, ipa, 8) : NULL;

	if (!from)
		return SV_TRANSLATION;
	memcpy(value, from, 8);
	return SV_OK;
}

/* The abort that hardware would have of this guest, or nearly so: most inputs then get beyond the checks. */
static struct sv_abort likely(void)
{
	struct sv_context context = {vcpu.regs[SV_PC], vcpu.regs[SV_PSTATE], vcpu.regs[SV_SCTLR_EL1]};
	struct sv_access_kind kind = {.fetch = true, .el0 = sv_access_el0(&context, false)};
	struct sv_abort abort = {.esr_iss = 0x07, .fault_ipa = GUEST_RECORDER + 0x100};
	static struct sv_plan plan;
	struct sv_translation found;
	uint64_t word;
	struct sv_insn insn;
	unsigned bytes;

	if (guest.has_abort)
		return guest.abort;
	if (sv_translate(&context, guest.mmu_features, context.pc & ~UINT64_C(7), kind, &ops.regs, look,
			 &vcpu, &found) ||
	    look(NULL, found.ipa, &word) ||
	    sv_decode(SV_A64, (uint32_t)(context.pc & 4 ? word >> 32 : word), &insn))
		return abort;
	if (sv_row_wnr(insn.row, false) > 0 || (insn.row->flags & SV_ROW_STORE && guest.ram[0] & 1))
		abort.esr_iss |= ISS_WnR;
	if (insn.row->flags & SV_ROW_CM)
		abort.esr_iss |= 1 << 8;
	if (insn.row->iclass == SV_CLASS_LDST64B) {
		static const uint8_t lst[8] = {[1] = 2, [2] = 3, [3] = 1, [5] = 2};

		abort.ldst64b = true;
		abort.esr_iss |= (uint64_t)lst[insn.word >> 12 & 7] << 11;
	}
	if (sv_plan_address(&insn, &context, &ops.regs, &vcpu, &plan))
		return abort;
	kind = (struct sv_access_kind){.write = abort.esr_iss & ISS_WnR,
				       .el0 = sv_access_el0(&context, plan.unprivileged)};
	bytes = plan.esize * plan.count;
	for (unsigned i = 0; i < bytes; i++) {
		uint64_t va = (plan.copy && !kind.write ? plan.from : plan.va) + i;
		bool write = kind.write;

		/* The first byte, and the first of each page. */
		if ((i && va % GUEST_PAGE) || !sv_plan_active(&plan, i / plan.esize) ||
		    sv_translate(&context, guest.mmu_features, va, kind, &ops.regs, look, &vcpu, &found))
			continue;
		abort.fault_ipa = found.ipa;
		if (!is_memory(sv_space_find(&guest.space, found.ipa, write).kind))
			break;
	}
	return abort;
}

/* Where in the footprint the access that is out lies; the elements go up. */
static void judge_order(unsigned offset)
{
	claim(!did.any || offset > did.offset);
	did.any = true;
	did.offset = offset;
}

static void judge_access(const struct sv_access *access)
{
	const struct sv_plan *plan = &session.plan;
	unsigned size = access->size, unit = plan->esize < 8 ? plan->esize : 8;
	struct sv_place place = sv_space_find(&guest.space, access->ipa, access->write);

	claim(size && size <= SV_ACCESS_BYTES && !(size & (size - 1)));
	claim(size <= 8 || (access->op ? size <= SV_ATOMIC_BYTES : plan->single));
	claim(access->op == plan->op && access->region == place.region);
	claim(place.last - access->ipa >= size - 1 && !(place.kind == SV_REGION_RAM));
	claim(place.kind != SV_REGION_ROM && (place.region || place.kind == SV_REGION_HOLE));
	if (place.region && place.region->kind == SV_REGION_WINDOW) {
		claim(place.region->sizes & size);
		claim(!place.region->aligned || !(access->ipa % size));
		claim(!access->op || place.region->atomics);
	} else if (place.region && place.region->kind == SV_REGION_KERNEL) {
		claim(sv_kernel_takes(place.region, access->ipa, size, access->write));
	}
	judge_order(session.offset);
	/* An element that one page and one place hold is one access. */
	if (!plan->single && !plan->unsized) {
		unsigned into = session.offset % unit;
		uint64_t first = access->ipa - into;

		claim(size <= unit - into);
		if (first / GUEST_PAGE == (first + unit - 1) / GUEST_PAGE &&
		    (!place.region || first >= place.region->first) &&
		    sv_space_find(&guest.space, first, access->write).last >= first + unit - 1)
			claim(size == unit);
	}
}

/* A device that gives noise, and refuses what the input says. */
static void perform(struct sv_access *access)
{
	judge_access(access);
	claim(++did.asked <= 2 * SV_PLAN_BYTES);
	for (unsigned i = 0; (access->op || !access->write) && i < access->size; i++)
		access->data[i] = (uint8_t)fuzz_noise(access->ipa, i);
	access->response = 0x5a;
	if (guest.refusals >> (did.asked - 1) % 32 & 1 && did.asked <= 32) {
		did.refused++;
		sv_session_refuse(&session);
	} else {
		did.device_bytes += access->size;
	}
}

/* The text at its length and cut to another. */
static void judge_text(const struct sv_report *report, unsigned cut)
{
	static char text[2048], other[2048];
	size_t length = sv_report_text(report, &guest.space, text, sizeof(text)), kept;

	claim(length && length < sizeof(text) && strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		claim((uint8_t)text[i] >= ' ' && text[i] != 0x7f);
	cut %= (unsigned)length + 8;
	memset(other, PATTERN, cut + 8);
	claim(sv_report_text(report, &guest.space, other, cut) == length);
	kept = !cut ? 0 : cut - 1 < length ? cut - 1 : length;
	claim(!memcmp(text, other, kept) && (!cut || !other[kept]));
	for (size_t i = cut ? kept + 1 : 0; i < cut + 8; i++)
		claim((uint8_t)other[i] == PATTERN);
}

/* Lines of JSON, whatever happened. */
static void judge_events(const struct sv_report *report)
{
	static char lines[16384];
	FILE *file = fmemopen(lines, sizeof(lines), "w");
	struct vmm_events *events = vmm_events_new(file, "a guest", 4096);
	size_t length;

	claim(file && events);
	for (unsigned i = 0; i < 6; i++)
		vmm_events_abort(events, i, report);
	claim(vmm_events_exit(events, 0, "guest"));
	vmm_events_free(events);
	fflush(file);
	length = (size_t)ftell(file);
	fclose(file);
	claim(length && length < sizeof(lines) && lines[0] == '{' && lines[length - 1] == '\n');
	for (size_t i = 0; i < length; i++)
		claim(lines[i] == '\n' || (uint8_t)lines[i] >= ' ');
}

static void same_registers(void)
{
	claim(!memcmp(vcpu.regs, before.regs, sizeof(vcpu.regs)));
	claim(!memcmp(vcpu.z, before.z, sizeof(vcpu.z)) && !memcmp(vcpu.p, before.p, sizeof(vcpu.p)));
}

static unsigned active_bytes(void)
{
	const struct sv_plan *plan = &session.plan;
	unsigned bytes = 0;

	for (unsigned i = 0; i < plan->count; i++)
		bytes += sv_plan_active(plan, i) ? plan->esize : 0;
	return bytes * (plan->copy ? 2 : 1);
}

static void judge_completed(const struct sv_report *report)
{
	const struct sv_plan *plan = &session.plan;
	unsigned performed = did.loaded + did.stored + did.device_bytes;
	uint64_t pstate = before.regs[SV_PSTATE] & ~(SV_PSTATE_BTYPE | (guest.host_steps ? 0 : SV_PSTATE_SS));

	claim(report->has_pc && report->has_insn && !report->insn.unpredictable);
	claim(did.words == 1 && report->accesses == did.asked && !did.refused);
	claim(plan->no_access ? !performed : performed <= active_bytes());
	claim(report->ending == SV_ENDING_IGNORED || plan->no_access || performed == active_bytes());
	claim(vcpu.regs[SV_PC] == before.regs[SV_PC] + (plan->unfinished ? 0 : 4));
	if (plan->unfinished)
		claim(vcpu.regs[SV_PSTATE] == before.regs[SV_PSTATE]);
	else
		claim((vcpu.regs[SV_PSTATE] ^ pstate) >> 32 == 0 &&
		      !((vcpu.regs[SV_PSTATE] ^ pstate) & (SV_PSTATE_SS | SV_PSTATE_BTYPE | 0x1f)));
	claim(report->stepped == (guest.host_steps && !plan->unfinished));
	for (unsigned reg = SV_SCTLR_EL1; reg < SV_REG_COUNT; reg++)
		claim(vcpu.regs[reg] == before.regs[reg]);
	claim(report->rule);
}

/* Everything about one session that is over. */
static void judge(enum sv_verdict verdict)
{
	const struct sv_report *report = &session.report;
	bool failed = report->reason == SV_REASON_REGISTER || report->reason == SV_REASON_NO_INJECTION;
	bool late = report->reason == SV_REASON_DEVICE_REFUSED || report->reason == SV_REASON_MEMORY_FAULT;

	claim(report->ending < SV_ENDING_COUNT && report->cause < SV_CAUSE_COUNT &&
	      report->reason < SV_REASON_COUNT && report->action < SV_ACTION_COUNT);
	/* One ending, and the verdict that goes with it. */
	switch (report->ending) {
	case SV_ENDING_COMPLETED:
	case SV_ENDING_IGNORED:
		claim(verdict == SV_VERDICT_RESUME);
		judge_completed(report);
		break;
	case SV_ENDING_INJECTED:
		claim(verdict == SV_VERDICT_RESUME && vcpu.injections == before.injections + 1 &&
		      report->rule);
		claim(sv_injection_check(&vcpu.injection) == SV_OK);
		break;
	case SV_ENDING_RETRIED:
		claim(verdict == SV_VERDICT_RETRY && report->reason);
		break;
	default:
		claim(verdict == SV_VERDICT_STOP);
		claim(failed || report->rule);
		break;
	}
	if (report->ending != SV_ENDING_INJECTED)
		claim(vcpu.injections == before.injections);
	if (report->ending != SV_ENDING_COMPLETED && report->ending != SV_ENDING_IGNORED) {
		/* Nothing was touched, but by elements before the one that was refused; never a register. */
		claim(vcpu.sets == before.sets || failed);
		claim((!did.stored && !did.asked && !did.loaded) || late || failed);
		claim(!did.refused || report->reason == SV_REASON_DEVICE_REFUSED || failed);
		if (report->reason != SV_REASON_REGISTER)
			same_registers();
	}
	claim(!did.refused || did.refused == 1);
	claim(vcpu.cpu.retries <= SV_RETRY_LIMIT);
	claim(report->has_insn <= report->has_word);
	/* What the guest can change untrapped was read once. */
	for (unsigned reg = SV_PC; reg < SV_REG_COUNT; reg++)
		claim(vcpu.got[reg] <= 1 || reg == SV_DCZID_EL0);
}

/* Whoever embeds the library knows more than it does, and says so in its own words. */
static void judge_explained(void)
{
	struct sv_report report = session.report;

	report.symbol =
		"a_function_whose_name_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on+0x10";
	report.node = "/soc@0/bus@8000000/another-bus@8010000/serial-with-a-long-name@9000000/child@0";
	report.node_here = did.reads & 1;
	report.node_disabled = did.reads & 2;
	judge_text(&report, (unsigned)report.ipa);
}

static enum sv_verdict run_session(const struct sv_abort *abort)
{
	unsigned reads = did.reads, sets, gets;
	enum sv_verdict verdict;

	memset(&did, 0, sizeof(did));
	did.reads = reads;
	memset(vcpu.got, 0, sizeof(vcpu.got));
	before = vcpu;
	sv_session_begin(&session, &vcpu.cpu, &guest.space, guest.policy.count ? &guest.policy : NULL, abort);
	while ((verdict = sv_session_next(&session)) == SV_VERDICT_ACCESS)
		perform(&session.access);
	/* Over means over. */
	sets = vcpu.sets;
	gets = vcpu.gets;
	sv_session_refuse(&session);
	claim(sv_session_next(&session) == verdict && vcpu.sets == sets && vcpu.gets == gets);
	judge(verdict);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = {data, data + size};
	unsigned retries = 0;

	memset(&did, 0, sizeof(did));
	fuzz_guest_take(&guest, &input);
	begin_vcpu();
	for (unsigned i = 0; i < guest.rounds; i++) {
		struct sv_abort abort = likely();
		enum sv_verdict verdict = run_session(&abort);

		/* The same instruction is not retried for ever. */
		retries = verdict == SV_VERDICT_RETRY ? retries + 1 : 0;
		claim(retries <= SV_RETRY_LIMIT);
		if (verdict == SV_VERDICT_STOP)
			break;
		if (session.report.ending == SV_ENDING_INJECTED) {
			vcpu.regs[SV_PC] = guest.regs[SV_PC];
			vcpu.regs[SV_PSTATE] = guest.regs[SV_PSTATE];
		}
	}
	/* Each costs more than all before it. */
	if (size % 4 == 2)
		judge_text(&session.report, did.reads * 37 + (unsigned)session.report.ipa);
	else if (size % 8 == 7)
		judge_explained();
	if (size % 32 == 31)
		judge_events(&session.report);
	return 0;
}
