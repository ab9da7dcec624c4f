/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_RUN (arch/arm64/kvm/arm.c, kvm_arch_vcpu_ioctl_run; handle_exit.c). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <salvage/syndrome.h>

#include "soft.h"

/* Instructions before somebody's kick is looked for again: some hundred microseconds. */
#define SLICE 10000
/* How long a sleeping vCPU may miss a kick whose signal came just before it slept, in nanoseconds. */
#define NAP 10000000

#define ESR_STEP (UINT64_C(0x32) << 26 | UINT64_C(1) << 25 | 0x22) /* software step from a lower EL */

/*
 * KVM returns when a signal is pending, and its handler runs after that. So signals are blocked here and
 * looked for, all but those that tell of a fault of this thread. Only from a guest's second slice on: it costs
 * two system calls, and what comes before might as well have come before KVM_RUN.
 */
struct signals {
	bool blocked;
	sigset_t before;
};

static void block(struct signals *signals)
{
	static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(synchronous) / sizeof(*synchronous); i++)
		sigdelset(&all, synchronous[i]);
	pthread_sigmask(SIG_BLOCK, &all, &signals->before);
	signals->blocked = true;
}

static bool is_pending(const struct signals *signals)
{
	sigset_t pending;

	sigpending(&pending);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(&pending, number) == 1 && !sigismember(&signals->before, number))
			return true;
	return false;
}

/* Somebody wants user space. */
static bool is_kicked(struct soft_vcpu *vcpu, struct signals *signals)
{
	if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST))
		return true;
	if (!signals->blocked) {
		block(signals);
		return false;
	}
	return is_pending(signals);
}

static int interrupted(struct soft_vcpu *vcpu)
{
	vcpu->run->exit_reason = SV_KVM_EXIT_INTR;
	return -EINTR;
}

/* Until a kick, or until it has been switched on. */
static int sleep_once(struct soft_vcpu *vcpu, struct signals *signals)
{
	struct pollfd wake = {.fd = vcpu->wake, .events = POLLIN};
	struct timespec nap = {.tv_nsec = NAP};
	eventfd_t ignored;

	if (atomic_load(&vcpu->vm->most))
		return interrupted(vcpu);
	if (!signals->blocked)
		block(signals);
	if (ppoll(&wake, 1, &nap, &signals->before) < 0 || is_kicked(vcpu, signals))
		return interrupted(vcpu);
	eventfd_read(vcpu->wake, &ignored);
	return 1;
}

/* kvm_vcpu_wfi: nothing but a kick wakes a guest that gets no interrupts. */
static int wait_for_event(struct soft_vcpu *vcpu, struct signals *signals)
{
	int rc;

	while ((rc = sleep_once(vcpu, signals)) > 0)
		;
	return rc;
}

static int debug_exit(struct soft_vcpu *vcpu)
{
	vcpu->step_pending = false;
	vcpu->run->exit_reason = SV_KVM_EXIT_DEBUG;
	vcpu->run->debug.hsr = (uint32_t)ESR_STEP;
	vcpu->run->debug.hsr_high = 0;
	vcpu->run->debug.far = 0;
	return 0;
}

/* kvm_reset_vcpu with what PSCI CPU_ON left. */
static void take_reset(struct soft_vcpu *vcpu)
{
	if (!atomic_load_explicit(&vcpu->reset, memory_order_acquire))
		return;
	pthread_mutex_lock(&vcpu->vm->psci);
	if (vcpu->reset) {
		soft_vcpu_reset(vcpu);
		vcpu->cpu->pc = vcpu->reset_pc;
		vcpu->cpu->x[0] = vcpu->reset_x0;
		vcpu->reset = false;
	}
	pthread_mutex_unlock(&vcpu->vm->psci);
}

/* Into the guest and back. Returns what it came back for; *turn is what it may still execute. */
static enum soft_exit enter_guest(struct soft_vcpu *vcpu, uint64_t *turn)
{
	uint64_t budget = *turn < SLICE ? *turn : SLICE, before = vcpu->cpu->retired, done;
	enum soft_exit exit;

	vcpu->cpu->host_step = vcpu->debug & SV_KVM_GUESTDBG_SINGLESTEP;
	/* soft_memory_changed waits for a CPU that has the old answers. */
	atomic_store(&vcpu->inside, true);
	exit = soft_cpu_run(vcpu->cpu, &vcpu->bus, budget);
	atomic_store_explicit(&vcpu->inside, false, memory_order_release);
	/* An exception return from EL2 clears the monitor (DDI 0487, B2.12); the end of a slice is none. */
	if (exit != SOFT_BUDGET)
		vcpu->cpu->exclusive.valid = false;
	done = vcpu->cpu->retired - before;
	*turn -= done < *turn ? done : *turn;
	return exit;
}

static int handle_exit(struct soft_vcpu *vcpu, enum soft_exit exit, struct signals *signals)
{
	switch (exit) {
	case SOFT_ABORT:
		return soft_handle_abort(vcpu);
	case SOFT_HVC:
		return soft_smccc(vcpu);
	case SOFT_SMC:
		/* Trapped, so that the PC is at it; with an immediate it is no call (kvm, handle_smc). */
		vcpu->increment_pc = true;
		if (!vcpu->cpu->immediate)
			return soft_smccc(vcpu);
		vcpu->cpu->x[0] = ~UINT64_C(0);
		return 1;
	case SOFT_WFI:
		return wait_for_event(vcpu, signals);
	case SOFT_DEBUG:
		return debug_exit(vcpu);
	default:
		return 1;
	}
}

static int turn(struct soft_vcpu *vcpu, uint64_t *left, bool first, struct signals *signals)
{
	take_reset(vcpu);
	if (!first && is_kicked(vcpu, signals))
		return interrupted(vcpu);
	if (atomic_load(&vcpu->mp_state) == SV_KVM_MP_STATE_STOPPED)
		return sleep_once(vcpu, signals);
	soft_adjust_pc(vcpu);
	if (vcpu->step_pending)
		return debug_exit(vcpu);
	if (!*left)
		return interrupted(vcpu);
	if (vcpu->object.soft->hooks[SV_SOFT_AT_ENTRY].call)
		soft_hook(vcpu->object.soft,
			  &(struct sv_soft_event){.point = SV_SOFT_AT_ENTRY, .fd = vcpu->object.fd});
	return handle_exit(vcpu, enter_guest(vcpu, left), signals);
}

static int run(struct soft_vcpu *vcpu)
{
	struct signals signals = {0};
	uint64_t left = atomic_load(&vcpu->vm->most) ? vcpu->turn : UINT64_MAX, slice = vcpu->cpu->retired;
	int rc = 1;

	vcpu->turn = 0;
	if (vcpu->run->exit_reason == SV_KVM_EXIT_MMIO)
		soft_mmio_return(vcpu);
	if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST)) {
		soft_adjust_pc(vcpu);
		return -EINTR;
	}
	vcpu->run->exit_reason = SV_KVM_EXIT_UNKNOWN;
	/* An abort that only mapped a page is no reason to look for signals. */
	while (rc > 0) {
		uint64_t now = vcpu->cpu->retired;

		rc = turn(vcpu, &left, now - slice < SLICE, &signals);
		if (now - slice >= SLICE)
			slice = now;
	}
	soft_adjust_pc(vcpu);
	if (signals.blocked)
		pthread_sigmask(SIG_SETMASK, &signals.before, NULL);
	return rc;
}

int soft_run(struct soft_object *object, void *argument)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;
	int rc;

	if (!vcpu->initialised)
		return -ENOEXEC;
	rc = run(vcpu);
	if (object->soft->hooks[SV_SOFT_AT_EXIT].call)
		soft_hook(object->soft,
			  &(struct sv_soft_event){.point = SV_SOFT_AT_EXIT, .fd = object->fd, .result = rc});
	return rc;
}
