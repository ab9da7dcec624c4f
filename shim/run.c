/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_RUN. What the kernel left to userspace is shown to the VMM as plain KVM_EXIT_MMIO, an access at a time;
 * its next KVM_RUN brings the data, and the last one commits. In between the vCPU's registers are those of
 * before the instruction, as they are while KVM waits for an access of its own.
 *
 * Once the first access is out, the instruction goes on: a KVM_RUN with immediate_exit, or with a signal
 * pending, takes the data and shows the next access; KVM sees it, and returns EINTR, after the commit.
 */
#include <errno.h>
#include <string.h>

#include "shim.h"

/* ESR_ELx.EC of a step from a lower exception level (DDI 0487, D24.2), as KVM_EXIT_DEBUG has it. */
#define ESR_STEP (UINT32_C(0x32) << 26 | UINT32_C(1) << 25)

#define MMIO_BYTES 8

#define EXIT(reason) (UINT64_C(1) << SV_KVM_EXIT_##reason)

/* All other exits, and a KVM_RUN that returned 0 for them, cost this one comparison. */
#define OURS (EXIT(ARM_NISV) | EXIT(ARM_LDST64B) | EXIT(ARM_SEA) | EXIT(MEMORY_FAULT))

static struct sv_kvm_run *page(const struct shim_vcpu *vcpu)
{
	return atomic_load_explicit(&vcpu->run, memory_order_relaxed);
}

/* Goes back to the VMM as KVM_EXIT_SYSTEM_EVENT, which every VMM knows how to end a guest by. */
static int system_event(struct shim_vcpu *vcpu, uint32_t type)
{
	struct sv_kvm_run *run = page(vcpu);

	memset(&run->system_event, 0, sizeof(run->system_event));
	run->system_event.type = type;
	run->exit_reason = SV_KVM_EXIT_SYSTEM_EVENT;
	return 0;
}

int shim_stop(struct shim_vcpu *vcpu, int rc, int error)
{
	const struct sv_report *report = &vcpu->kvm.session.report;

	if (report->ending == SV_ENDING_OBSERVED || report->reason == SV_REASON_REGISTER ||
	    report->reason == SV_REASON_NO_INJECTION) {
		errno = error;
		return rc;
	}
	return system_event(vcpu, report->action == SV_ACTION_RESTART ? SV_KVM_SYSTEM_EVENT_RESET
								      : SV_KVM_SYSTEM_EVENT_CRASH);
}

/* The part of the access that the VMM is to make now. */
static unsigned part_size(const struct shim_vcpu *vcpu)
{
	unsigned left = vcpu->kvm.session.access.size - vcpu->part;

	return left < MMIO_BYTES ? left : MMIO_BYTES;
}

static void show(struct shim_vcpu *vcpu)
{
	const struct sv_access *access = &vcpu->kvm.session.access;
	struct sv_kvm_run *run = page(vcpu);

	memset(&run->mmio, 0, sizeof(run->mmio));
	run->mmio.phys_addr = access->ipa + vcpu->part;
	run->mmio.len = part_size(vcpu);
	run->mmio.is_write = access->write;
	if (access->write)
		memcpy(run->mmio.data, access->data + vcpu->part, part_size(vcpu));
	run->exit_reason = SV_KVM_EXIT_MMIO;
	vcpu->state = SHIM_OUT;
}

/* True: there is more of the access. */
static bool collect(struct shim_vcpu *vcpu)
{
	struct sv_access *access = &vcpu->kvm.session.access;
	unsigned size = part_size(vcpu);

	if (!access->write)
		memcpy(access->data + vcpu->part, page(vcpu)->mmio.data, size);
	vcpu->part += (uint8_t)size;
	access->response = 0; /* of ST64BV: taken */
	return vcpu->part < access->size;
}

/* What is not the VMM's: false if nobody can do it. */
static bool by_ourselves(struct shim_vcpu *vcpu, const struct sv_access *access, bool *done)
{
	*done = shim_doorbell_ring(vcpu, access);
	/* In the kernel, and reached there only while no vCPU runs, which a preload has no say in. */
	return *done || !(access->op || (access->region && access->region->kind == SV_REGION_KERNEL));
}

static void over(struct shim_vcpu *vcpu)
{
	vcpu->state = SHIM_IDLE;
	shim_space_leave(vcpu);
	shim_report_abort(vcpu);
	shim_space_unpin(vcpu);
}

/* A step of the host's debugger that KVM did not see. */
static enum shim_after stepped(struct shim_vcpu *vcpu)
{
	struct sv_kvm_run *run = page(vcpu);

	if (!vcpu->kvm.session.report.stepped)
		return SHIM_AGAIN;
	memset(&run->debug, 0, sizeof(run->debug));
	run->debug.hsr = ESR_STEP;
	run->exit_reason = SV_KVM_EXIT_DEBUG;
	return SHIM_RETURN;
}

/* The VMM gets what it would have had without salvage. */
static enum shim_after observed(struct shim_vcpu *vcpu, int *rc)
{
	const struct sv_abort *abort = &vcpu->kvm.session.report.abort;
	struct sv_kvm_run *run = page(vcpu);

	run->exit_reason = vcpu->reason;
	run->arm_nisv.esr_iss = abort->esr_iss;
	run->arm_nisv.fault_ipa = abort->fault_ipa;
	if (vcpu->vm->own_nisv || vcpu->reason == SV_KVM_EXIT_ARM_LDST64B)
		return SHIM_RETURN;
	run->exit_reason = SV_KVM_EXIT_UNKNOWN;
	errno = ENOSYS;
	*rc = -1;
	return SHIM_RETURN;
}

/* Goes on with the session, in the space it is in, until the VMM is wanted or it is over. */
static enum shim_after go_on(struct shim_vcpu *vcpu, int *rc)
{
	struct sv_session *session = &vcpu->kvm.session;
	enum sv_verdict verdict;
	bool done;

	*rc = 0;
	/* By which the road of an injection is chosen; the VMM has seen another. */
	page(vcpu)->exit_reason = vcpu->reason;
	while ((verdict = sv_session_next(session)) == SV_VERDICT_ACCESS) {
		vcpu->part = 0;
		if (!by_ourselves(vcpu, &session->access, &done)) {
			sv_session_refuse(session);
		} else if (!done) {
			show(vcpu);
			shim_space_leave(vcpu);
			return SHIM_RETURN;
		}
	}
	over(vcpu);
	if (verdict != SV_VERDICT_STOP)
		return stepped(vcpu);
	if (session->report.ending == SV_ENDING_OBSERVED)
		return observed(vcpu, rc);
	*rc = shim_stop(vcpu, -1, ENOSYS);
	return SHIM_RETURN;
}

static enum shim_after begin(struct shim_vcpu *vcpu, int *rc)
{
	const struct shim_space *space = shim_space_enter(vcpu);

	shim_space_pin(vcpu, space);
	vcpu->reason = page(vcpu)->exit_reason;
	vcpu->kvm.cpu.host_steps = vcpu->host_steps;
	if (vcpu->vm->guest_memfd)
		vcpu->kvm.cpu.flags |= SV_CPU_PROTECTED;
	atomic_store(&vcpu->dropped, false);
	atomic_store(&vcpu->touched, false);
	sv_kvm_begin(&vcpu->kvm, &space->space, &shim_policy);
	return go_on(vcpu, rc);
}

/* Whether the VMM has made something else of the vCPU while an access was with it. */
static bool is_overtaken(struct shim_vcpu *vcpu)
{
	uint64_t pc;

	if (atomic_load(&vcpu->reset) || atomic_load(&vcpu->dropped))
		return true;
	return atomic_load(&vcpu->touched) &&
	       (sv_kvm_get(&vcpu->kvm, SV_PC, &pc) || pc != vcpu->kvm.session.report.pc);
}

/* The VMM is back from an access. */
static enum shim_after come_back(struct shim_vcpu *vcpu, int *rc)
{
	const struct shim_space *space;

	if (is_overtaken(vcpu)) {
		sv_session_drop(&vcpu->kvm.session);
		over(vcpu);
		page(vcpu)->exit_reason = SV_KVM_EXIT_INTR;
		return SHIM_AGAIN;
	}
	if (collect(vcpu)) {
		show(vcpu);
		*rc = 0;
		return SHIM_RETURN;
	}
	/* Memory that the instruction touches as well may have gone from under it. */
	space = shim_space_enter(vcpu);
	if (space != vcpu->pinned && !sv_session_memory(&vcpu->kvm.session, &space->space))
		sv_session_refuse(&vcpu->kvm.session);
	return go_on(vcpu, rc);
}

static void first_look(struct shim_vcpu *vcpu)
{
	struct kvm_run *run = (struct kvm_run *)page(vcpu);

	atomic_store(&vcpu->reset, false);
	vcpu->state = SHIM_IDLE;
	/* Where that fails, so does every register, and each session says so. */
	vcpu->readable = sv_kvm_vcpu_init(&vcpu->kvm, &shim_backend, vcpu->fd, run, vcpu->features) == SV_OK;
	vcpu->kvm.index = vcpu->index;
	vcpu->kvm.poison = vcpu->vm->poison;
	vcpu->kvm.dirty = shim_dirty_add;
	vcpu->kvm.opaque = vcpu;
	if (vcpu->readable)
		shim_tree_look(vcpu);
}

/* Early warnings have come that may be of this VM's memory. */
static bool is_warned(const struct shim_vm *vm)
{
	return atomic_load_explicit(&vm->warned, memory_order_relaxed) != sv_kvm_warned();
}

/* Everything but the first KVM_RUN of a vCPU, one that brings an access back, and one with bad news waiting. */
static bool is_ordinary(const struct shim_vcpu *vcpu)
{
	return vcpu->state == SHIM_IDLE && !atomic_load_explicit(&vcpu->reset, memory_order_relaxed) &&
	       !is_warned(vcpu->vm);
}

/* Out of line, both of them: what they need of the stack, the ordinary exit does not. */
__attribute__((noinline, cold)) static enum shim_after before(struct shim_vcpu *vcpu, int *rc)
{
	enum shim_after after = SHIM_AGAIN;

	if (vcpu->state == SHIM_OUT)
		after = come_back(vcpu, rc);
	if (after == SHIM_AGAIN && (vcpu->state == SHIM_FRESH || atomic_load(&vcpu->reset)))
		first_look(vcpu);
	if (after == SHIM_AGAIN && is_warned(vcpu->vm))
		shim_warnings(vcpu->vm);
	return after;
}

__attribute__((noinline, cold)) static enum shim_after after(struct shim_vcpu *vcpu, int *rc)
{
	enum shim_after after = SHIM_ORDINARY;
	uint32_t reason = page(vcpu)->exit_reason;

	if (vcpu->readable)
		after = shim_errors(vcpu, rc);
	if (after != SHIM_ORDINARY || *rc)
		return after;
	if (reason != SV_KVM_EXIT_ARM_NISV && reason != SV_KVM_EXIT_ARM_LDST64B)
		return SHIM_ORDINARY;
	/* For a protected VM nothing was turned on. */
	if (vcpu->vm->protected)
		return SHIM_ORDINARY;
	return begin(vcpu, rc);
}

static int run_on(struct shim_vcpu *vcpu, int fd, void *argument)
{
	const struct sv_kvm_run *run = page(vcpu);
	int rc;

	/* A duplicate may outlive the descriptor that the vCPU was made with. */
	vcpu->fd = vcpu->kvm.fd = fd;
	/* Without the page, or before KVM_ARM_VCPU_INIT, there is nothing that could be done. */
	if (!run || !atomic_load_explicit(&vcpu->initialised, memory_order_relaxed))
		return shim_system.ioctl(fd, SV_KVM_RUN, argument);
	do {
		if (!is_ordinary(vcpu) && before(vcpu, &rc) == SHIM_RETURN)
			return rc;
		sv_kvm_enter(&vcpu->kvm);
		rc = shim_system.ioctl(fd, SV_KVM_RUN, argument);
		sv_kvm_leave(&vcpu->kvm);
		if (!rc && (run->exit_reason >= 64 || !(OURS >> run->exit_reason & 1)))
			return 0;
	} while (after(vcpu, &rc) == SHIM_AGAIN);
	return rc;
}

int shim_run(struct shim_vcpu *vcpu, int fd, void *argument)
{
	int rc;

	atomic_store_explicit(&vcpu->running, true, memory_order_relaxed);
	rc = run_on(vcpu, fd, argument);
	atomic_store_explicit(&vcpu->running, false, memory_order_release);
	return rc;
}
