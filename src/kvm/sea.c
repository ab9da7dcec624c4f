/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors: what reports them becomes one record, and the guest's abort.
 *
 * KVM_EXIT_ARM_SEA has the syndrome (arch/arm64/kvm/mmu.c, kvm_handle_guest_sea). SIGBUS has a host address
 * only (kvm_send_hwpoison_signal), and KVM_EXIT_MEMORY_FAULT a page: whether the guest fetched or loaded is
 * told by where its PC is. In all three the vCPU stands at the instruction and KVM's FAR is the access's.
 */
#include <errno.h>

#include <salvage/except.h>
#include <salvage/kvm.h>
#include <salvage/syndrome.h>

#include "../abort/session.h"
#include "uapi.h"
#include "vcpu.h"

#define GPA_VALID   (UINT64_C(1) << 0) /* KVM_EXIT_ARM_SEA_FLAG_GPA_VALID */
#define PRIVATE     (UINT64_C(1) << 3) /* KVM_MEMORY_EXIT_FLAG_PRIVATE: the VMM is asked to convert memory */
#define PAGE_MASK   (~(SV_RAS_PAGE - 1))
#define PAGE_SHIFT  12
#define VECTOR_MASK (~UINT64_C(0x7ff))
#define SET_SHIFT   11
#define SET_SHARED  1 /* reserved */

static const struct sv_kvm_run *exit_of(const struct sv_kvm_vcpu *vcpu)
{
	return (const struct sv_kvm_run *)vcpu->run;
}

bool sv_kvm_gpa_of(const struct sv_space *space, uintptr_t host, uint64_t *gpa)
{
	for (size_t i = 0; i < space->memslots; i++) {
		const struct sv_region *region = &space->regions[i];
		uint64_t offset = host - (uintptr_t)region->host;

		if (region->host && host >= (uintptr_t)region->host &&
		    offset <= region->last - region->first) {
			*gpa = region->first + offset;
			return true;
		}
	}
	return false;
}

/* The level of a table walk that met the error, or NO_WALK (DDI 0487, D24.2, ESR_EL2, DFSC). */
#define NO_WALK (-2)

static int walk_level(unsigned fsc)
{
	switch (sv_syndrome_fault_kind(fsc)) {
	case SV_FAULT_EXTERNAL_WALK:
		return (int)fsc - 0x14;
	case SV_FAULT_PARITY_WALK:
		return (int)fsc - 0x1c;
	default:
		return NO_WALK;
	}
}

/* Begins the report; true if the registers may be looked at. */
static bool begin(struct sv_kvm_vcpu *vcpu, const struct sv_space *space, enum sv_cause cause,
		  struct sv_kvm_error *error, const struct sv_memory_error *record)
{
	struct sv_report *report = &vcpu->session.report;
	bool readable = !sv_infer_begin(&vcpu->session, &vcpu->cpu, space);

	*error = (struct sv_kvm_error){.record = *record, .aborted = true, .readable = readable};
	error->record.vcpu = vcpu->index;
	report->cause = cause;
	report->reason = SV_REASON_MEMORY_ERROR;
	if (report->has_pc) {
		error->record.pc = report->pc;
		error->record.valid |= SV_RAS_PC;
	}
	return readable;
}

/* What the record knows of addresses, for the report. */
static void complete(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_error *error)
{
	const struct sv_memory_error *record = &error->record;
	struct sv_report *report = &vcpu->session.report;

	if (record->valid & SV_RAS_GVA) {
		report->va = record->gva;
		report->has_va = true;
	}
	report->no_ipa = !(record->valid & SV_RAS_GPA);
	report->ipa = report->no_ipa ? 0 : record->gpa;
	/* Exits name the page, the byte in it is that of the virtual address. */
	if (!report->no_ipa && report->has_va && !(record->gpa & ~PAGE_MASK) &&
	    walk_level(error->injection.fsc) == NO_WALK)
		report->ipa |= report->va & ~PAGE_MASK;
	report->region =
		report->no_ipa ? NULL : sv_space_find(vcpu->session.space, report->ipa, false).region;
}

static void infer(struct sv_memory_error *record, unsigned what, uint64_t gva, uint64_t gpa)
{
	if (what & SV_RAS_GVA)
		record->gva = gva;
	if (what & SV_RAS_GPA)
		record->gpa = gpa;
	record->valid |= (uint8_t)(what | SV_RAS_INFERRED);
}

/* The rest of an exit that has no physical address, or no address at all. */
static void infer_sea(struct sv_kvm_vcpu *vcpu, struct sv_kvm_error *error, bool fetch)
{
	struct sv_session *session = &vcpu->session;
	struct sv_memory_error *record = &error->record;
	struct sv_access_kind kind = {.write = session->report.write,
				      .fetch = fetch,
				      .el0 = sv_access_el0(&session->context, false)};
	struct sv_translation translation;
	int level = walk_level(SV_FSC(record->esr));
	uint64_t ipa;

	if (fetch && !(record->valid & SV_RAS_GVA))
		infer(record, SV_RAS_GVA, session->context.pc, 0);
	if (record->valid & SV_RAS_GPA)
		return;
	if (!(record->valid & SV_RAS_GVA)) {
		if (level == NO_WALK &&
		    !sv_infer_access(session, session->report.write, record->esr & SV_ESR_CM))
			infer(record, SV_RAS_GVA | SV_RAS_GPA, session->report.va, session->report.ipa);
	} else if (level != NO_WALK) {
		if (!sv_infer_table(session, record->gva, kind, level, &ipa))
			infer(record, SV_RAS_GPA, 0, ipa);
	} else if (!sv_infer_translate(session, record->gva, kind, &translation)) {
		infer(record, SV_RAS_GPA, 0, translation.ipa);
	}
}

/* The abort that the CPU took, as EL1 would have taken it. */
static struct sv_injection replay(uint64_t esr, bool fetch, uint64_t gva)
{
	unsigned fsc = SV_FSC(esr), set = fsc == SV_FSC_EXTERNAL ? (unsigned)(esr >> SET_SHIFT & 3) : 0;
	bool fnv = esr & SV_ESR_FnV;

	return (struct sv_injection){
		.kind = fetch ? SV_EXCEPTION_INSTRUCTION_EXTERNAL : SV_EXCEPTION_DATA_EXTERNAL,
		.fsc = (uint8_t)fsc,
		.set = (uint8_t)(set == SET_SHARED ? 0 : set),
		.write = !fetch && esr & SV_ESR_WnR,
		.cm = !fetch && esr & SV_ESR_CM,
		.fnv = fnv,
		.va = fnv ? 0 : gva,
		.va_exact = !fnv,
	};
}

static bool from_sea(struct sv_kvm_vcpu *vcpu, const struct sv_space *space, struct sv_kvm_error *error)
{
	const struct sv_kvm_run *run = exit_of(vcpu);
	uint64_t esr = run->arm_sea.esr;
	bool fetch = SV_EC(esr) == SV_EC_INSTRUCTION_LOWER;
	struct sv_memory_error record = {.source = fetch ? SV_RAS_SEA_INSN : SV_RAS_SEA_DATA,
					 .valid = SV_RAS_ESR,
					 .esr = esr,
					 .gpa = run->arm_sea.gpa,
					 .gva = run->arm_sea.gva};

	if (!fetch && SV_EC(esr) != SV_EC_DATA_LOWER)
		return false;
	if (run->arm_sea.flags & GPA_VALID)
		record.valid |= SV_RAS_GPA;
	if (!(esr & SV_ESR_FnV))
		record.valid |= SV_RAS_GVA;

	bool readable = begin(vcpu, space, SV_CAUSE_SEA, error, &record);

	vcpu->session.report.abort.esr_iss = esr;
	vcpu->session.report.write = !fetch && esr & SV_ESR_WnR;
	error->injection = replay(esr, fetch, run->arm_sea.gva);
	/* An opcode that the CPU could not have is not read here either. */
	if (readable && !fetch)
		sv_infer_instruction(&vcpu->session);
	if (readable)
		infer_sea(vcpu, error, fetch);
	complete(vcpu, error);
	return true;
}

/* What is bad, where only the host said it: a run of host memory, or a page of the guest's. */
struct bad {
	bool known, host;
	uint64_t address; /* host address, or IPA */
	unsigned shift;   /* its size */
};

static bool is_at(const struct sv_kvm_vcpu *vcpu, const struct bad *bad, uint64_t ipa)
{
	uint64_t address = ipa;

	if (bad->host) {
		const struct sv_region *region = sv_space_find(vcpu->session.space, ipa, false).region;

		if (!region || !region->host)
			return false;
		address = (uintptr_t)region->host + (ipa - region->first);
	}
	return bad->known && !((address ^ bad->address) >> bad->shift);
}

/*
 * Whether the guest was fetching: the page of the PC cannot have been fetched from if it is the bad one, nor
 * can a table on the way to it. fsc is then what the abort says.
 */
static bool is_fetch(struct sv_kvm_vcpu *vcpu, const struct bad *bad, uint8_t *fsc)
{
	struct sv_session *session = &vcpu->session;
	struct sv_access_kind kind = {.fetch = true, .el0 = sv_access_el0(&session->context, false)};
	struct sv_translation translation;
	enum sv_reason reason;
	uint64_t table;

	*fsc = SV_FSC_EXTERNAL;
	reason = sv_infer_translate(session, session->context.pc, kind, &translation);
	if (reason == SV_REASON_MEMORY_FAULT && !translation.no_table) {
		*fsc = (uint8_t)SV_FSC(translation.esr);
		return !bad->known ||
		       (!sv_infer_table(session, session->context.pc, kind, translation.level, &table) &&
			is_at(vcpu, bad, table));
	}
	if (!reason && bad->known)
		return is_at(vcpu, bad, translation.ipa);
	/* Nobody says which page: then it is the one that cannot be read. */
	return !reason && sv_infer_instruction(session) == SV_REASON_FETCH_FAULT;
}

/* The instruction's access, if it is the one that met what is bad. */
static void find_access(struct sv_kvm_vcpu *vcpu, struct sv_kvm_error *error, const struct bad *bad)
{
	struct sv_session *session = &vcpu->session;
	struct sv_report *report = &session->report;
	const struct sv_row *row;

	if (!report->has_insn && sv_infer_instruction(session))
		return;
	row = report->insn.row;
	report->write = sv_row_wnr(row, false) > 0;
	if (sv_infer_access(session, report->write, row->flags & SV_ROW_CM))
		return;
	if (!bad->known)
		infer(&error->record, SV_RAS_GVA | SV_RAS_GPA, report->va, report->ipa);
	else if (!is_at(vcpu, bad, report->ipa))
		report->has_va = false;
}

static void from_host(struct sv_kvm_vcpu *vcpu, const struct sv_space *space, struct sv_kvm_error *error,
		      const struct sv_memory_error *record, const struct bad *bad)
{
	uint8_t fsc;

	if (!begin(vcpu, space, SV_CAUSE_POISON, error, record)) {
		error->injection = (struct sv_injection){SV_EXCEPTION_DATA_EXTERNAL, SV_FSC_EXTERNAL};
	} else if (is_fetch(vcpu, bad, &fsc)) {
		error->injection = (struct sv_injection){SV_EXCEPTION_INSTRUCTION_EXTERNAL, .fsc = fsc,
							 .va = vcpu->session.context.pc, .va_exact = true};
		if (!bad->known && fsc == SV_FSC_EXTERNAL)
			infer(&error->record, SV_RAS_GVA, vcpu->session.context.pc, 0);
	} else {
		/* The kernel has the FAR, and knows of a walk whether it was one. */
		error->injection = (struct sv_injection){SV_EXCEPTION_DATA_EXTERNAL, SV_FSC_EXTERNAL};
		find_access(vcpu, error, bad);
	}
	complete(vcpu, error);
}

/* KVM_RUN failed: the page, if the exit names it (Documentation/virt/kvm/api.rst, KVM_EXIT_MEMORY_FAULT). */
static bool from_failure(struct sv_kvm_vcpu *vcpu, int rc, const struct sv_space *space,
			 struct sv_kvm_error *error)
{
	const struct sv_kvm_run *run = exit_of(vcpu);
	bool named = run->exit_reason == SV_KVM_EXIT_MEMORY_FAULT;
	struct bad bad = {.known = named, .address = run->memory_fault.gpa, .shift = PAGE_SHIFT};
	struct sv_memory_error record = {.source = named ? SV_RAS_MEMORY_FAULT : SV_RAS_HWPOISON,
					 .valid = named ? SV_RAS_GPA : 0,
					 .gpa = run->memory_fault.gpa};

	if ((rc != -EHWPOISON && !(rc == -EFAULT && named)) || (named && run->memory_fault.flags & PRIVATE))
		return false;
	vcpu->at_abort = true;
	from_host(vcpu, space, error, &record, &bad);
	error->failed = true;
	return true;
}

static bool from_note(struct sv_kvm_vcpu *vcpu, int rc, const struct sv_space *space,
		      struct sv_kvm_error *error)
{
	unsigned lsb;
	struct bad bad = {.known = true, .host = true};
	struct sv_memory_error record = {.source = SV_RAS_SIGBUS_AR, .valid = SV_RAS_HVA};

	if (vcpu->note_next == vcpu->note_count)
		return false;
	lsb = vcpu->notes[vcpu->note_next].lsb;
	bad.address = record.hva = vcpu->notes[vcpu->note_next].address;
	bad.shift = lsb >= PAGE_SHIFT && lsb < 48 ? lsb : PAGE_SHIFT;
	vcpu->note_next++;
	if (sv_kvm_gpa_of(space, (uintptr_t)record.hva, &record.gpa))
		record.valid |= SV_RAS_GPA;
	/* KVM goes back to user space before the guest runs again, so it stands where it aborted. */
	vcpu->at_abort = vcpu->at_abort || rc == -EINTR;
	from_host(vcpu, space, error, &record, &bad);
	error->aborted = rc == -EINTR;
	error->foreign = !(record.valid & SV_RAS_GPA);
	return true;
}

bool sv_kvm_error(struct sv_kvm_vcpu *vcpu, int rc, const struct sv_space *space, struct sv_kvm_error *error)
{
	bool first = !vcpu->looked;

	vcpu->looked = true;
	if (first && !rc && exit_of(vcpu)->exit_reason == SV_KVM_EXIT_ARM_SEA && from_sea(vcpu, space, error))
		return true;
	if (first && from_failure(vcpu, rc, space, error))
		return true;
	return from_note(vcpu, rc, space, error);
}

/* Rules that are no policy's: what can only go wrong is not begun. */
static const struct sv_rule vectors_rule = {.action = SV_ACTION_STOP, .text = "guest's vectors"};
static const struct sv_rule nested_rule = {.action = SV_ACTION_STOP, .text = "nested aborts"};
static const struct sv_rule foreign_rule = {.action = SV_ACTION_STOP, .text = "memory of the VMM"};

const struct sv_rule *sv_kvm_error_rule(const struct sv_policy *policy, const struct sv_memory_error *record,
					const struct sv_ras_answer *answer)
{
	enum sv_cause cause = record->source == SV_RAS_SEA_DATA || record->source == SV_RAS_SEA_INSN
				      ? SV_CAUSE_SEA
				      : SV_CAUSE_POISON;

	if (answer && answer->rule)
		return answer->rule;
	/* No physical address is so high: rules with a range say nothing where none is known. */
	return sv_policy_find(policy, cause, SV_CLASS_COUNT,
			      record->valid & SV_RAS_GPA ? record->gpa : UINT64_MAX);
}

/*
 * Whether the guest could execute the first instruction of its handler. The vector table is 2 KiB and
 * aligned, so all of it lies in one page. What cannot be looked at is believed to be fine.
 */
static bool vectors_are_good(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_error *error)
{
	struct sv_session *session = &vcpu->session;
	struct sv_access_kind kind = {.fetch = true};
	struct sv_translation translation;
	uint64_t vbar;

	if (sv_kvm_get(vcpu, SV_VBAR_EL1, &vbar))
		return true;
	switch (sv_infer_translate(session, vbar & VECTOR_MASK, kind, &translation)) {
	case SV_REASON_NONE:
		break;
	case SV_REASON_REGISTER:
	case SV_REASON_WALK_UNSUPPORTED:
		return true;
	default:
		return false;
	}
	if (error->record.valid & SV_RAS_GPA && !((error->record.gpa ^ translation.ipa) & PAGE_MASK))
		return false;
	return is_memory(sv_space_find(session->space, translation.ipa, false).kind) &&
	       !(vcpu->poison && sv_poison_overlaps(vcpu->poison, translation.ipa, 4));
}

/* What the record is about, in one number. */
static uint64_t page_of(const struct sv_memory_error *record)
{
	uint64_t page;
	enum sv_ras_kind kind = sv_ras_identify(record, &page);

	return page | kind;
}

/*
 * Counts errors that the guest takes at EL1 while ELR_EL1 is still what the one before left there: it has not
 * returned from it, or returned only to meet it again. Each new page is news, of which there is an end.
 */
static bool is_nested(struct sv_kvm_vcpu *vcpu, const struct sv_kvm_error *error,
		      const struct sv_ras_answer *answer)
{
	uint64_t elr, page = page_of(&error->record);
	bool news = answer ? answer->sighting != SV_RAS_REPEAT && answer->sighting != SV_RAS_SATURATED
			   : page != vcpu->taken_page;

	vcpu->taken_page = page;
	if (news || !vcpu->taken || SV_PSTATE_EL(vcpu->session.context.pstate) != 1 ||
	    sv_kvm_get(vcpu, SV_ELR_EL1, &elr) || elr != vcpu->taken_pc)
		vcpu->nested = 0;
	else if (vcpu->nested < SV_KVM_NESTED_LIMIT)
		vcpu->nested++;
	return vcpu->nested >= SV_KVM_NESTED_LIMIT;
}

static enum sv_verdict stop_by(struct sv_session *session, const struct sv_rule *rule, enum sv_reason reason)
{
	session->report.rule = rule;
	session->report.action = rule->action;
	session->report.reason = reason;
	return sv_session_end(session, SV_ENDING_STOPPED, SV_VERDICT_STOP);
}

/*
 * As the hardware said it; else with less, but nothing that is not so; else what KVM does by itself: an
 * SError.
 */
static enum sv_status inject(struct sv_kvm_vcpu *vcpu, struct sv_injection *injection)
{
	struct sv_injection ladder[4] = {*injection, *injection};
	unsigned count = 1;
	enum sv_status status = SV_UNSUPPORTED;

	/* Guests without FEAT_RAS have no SET. */
	if (injection->set)
		ladder[count++].set = 0;
	/* The kernel's words: no WnR, no CM, and an address whether there is one or not. */
	if (injection->kind == SV_EXCEPTION_DATA_EXTERNAL && injection->va_exact)
		ladder[count++] = (struct sv_injection){SV_EXCEPTION_DATA_EXTERNAL, SV_FSC_EXTERNAL};
	ladder[count++] = (struct sv_injection){.kind = SV_EXCEPTION_SERROR};
	for (unsigned i = 0; i < count; i++) {
		status = sv_kvm_inject(vcpu, &ladder[i]);
		*injection = ladder[i];
		if (status == SV_OK || status == SV_REGISTER)
			break;
	}
	vcpu->answered = status == SV_OK;
	return status;
}

static enum sv_verdict tell_guest(struct sv_kvm_vcpu *vcpu, struct sv_kvm_error *error,
				  const struct sv_ras_answer *answer)
{
	struct sv_session *session = &vcpu->session;
	enum sv_status status;

	if (error->readable && !vectors_are_good(vcpu, error))
		return stop_by(session, &vectors_rule, SV_REASON_VECTORS);
	if (error->readable && is_nested(vcpu, error, answer))
		return stop_by(session, &nested_rule, SV_REASON_NESTED);
	status = inject(vcpu, &error->injection);
	session->report.exception = error->injection.kind;
	if (status)
		return sv_session_stop(session,
				       status == SV_REGISTER ? SV_REASON_REGISTER : SV_REASON_NO_INJECTION);
	vcpu->taken = error->readable;
	vcpu->taken_pc = session->context.pc;
	return sv_session_end(session, SV_ENDING_INJECTED, SV_VERDICT_RESUME);
}

/*
 * Without salvage KVM would have injected an SError; SIGBUS would have ended the VMM, and so would KVM_RUN's
 * error.
 */
static enum sv_verdict observe(struct sv_kvm_vcpu *vcpu, struct sv_kvm_error *error)
{
	struct sv_session *session = &vcpu->session;

	session->report.would = SV_ENDING_INJECTED;
	session->report.exception = error->injection.kind;
	if (session->report.cause != SV_CAUSE_SEA)
		return sv_session_end(session, SV_ENDING_OBSERVED, SV_VERDICT_STOP);
	error->injection = (struct sv_injection){.kind = SV_EXCEPTION_SERROR};
	if (sv_kvm_inject(vcpu, &error->injection))
		return sv_session_stop(session, SV_REASON_NO_INJECTION);
	vcpu->answered = true;
	return sv_session_end(session, SV_ENDING_OBSERVED, SV_VERDICT_RESUME);
}

enum sv_verdict sv_kvm_answer(struct sv_kvm_vcpu *vcpu, const struct sv_policy *policy,
			      struct sv_kvm_error *error, const struct sv_ras_answer *answer)
{
	struct sv_session *session = &vcpu->session;
	struct sv_report *report = &session->report;

	report->rule = sv_kvm_error_rule(policy, &error->record, answer);
	report->action = report->rule->action;
	if (report->action == SV_ACTION_STOP || report->action == SV_ACTION_RESTART ||
	    report->action == SV_ACTION_DUMP)
		return sv_session_end(session, SV_ENDING_STOPPED, SV_VERDICT_STOP);
	if (error->foreign)
		return stop_by(session, &foreign_rule, SV_REASON_FOREIGN);
	if (!error->aborted || vcpu->answered)
		return sv_session_end(session, SV_ENDING_RETRIED, SV_VERDICT_RESUME);
	if (report->action == SV_ACTION_OBSERVE)
		return observe(vcpu, error);
	return tell_guest(vcpu, error, answer);
}
