/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory may hurt: a read of a poisoned page, or of a file that was truncated behind the mapping,
 * raises SIGBUS in the thread that reads. Here, and only around these few instructions, that becomes an
 * error.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <salvage/kvm.h>

#include "vcpu.h"

/*
 * Whoever handled the signal before us: now, and when we came first. The former may change while a signal is
 * passed on: it is replaced as a whole.
 */
static struct sigaction chain[2], original;
static _Atomic(const struct sigaction *) previous = &chain[0];

/* What a handler with SA_RESETHAND leaves behind. */
static const struct sigaction once_handled = {.sa_handler = SIG_DFL};

/*
 * The address being touched, NULL outside of a guarded access. volatile, because a signal handler of the
 * same thread reads it; in the initial-exec model, because the first access through the dynamic model may
 * allocate, and a handler must not.
 */
static __thread volatile struct {
	const char *first;
	unsigned size;
} guarded __attribute__((tls_model("initial-exec")));
static __thread sigjmp_buf escape __attribute__((tls_model("initial-exec")));

/* What is being passed on: the signal's context, and where on the stack that began. */
static __thread struct {
	const void *context;
	const char *frame;
} passing __attribute__((tls_model("initial-exec")));

/*
 * Raised by the kernel for an access of this thread, which is made again on return: not sent by somebody, no
 * early warning.
 */
static bool is_synchronous(const siginfo_t *info)
{
	return info->si_code > 0 && info->si_code != BUS_MCEERR_AO;
}

/*
 * Whether that access is ours: a handler of another signal may have interrupted it and touched something
 * else. Poison comes with the size of what is lost, 1 << si_addr_lsb; the kernel may know no address at all.
 */
static bool is_guarded(const siginfo_t *info)
{
	uintptr_t first = (uintptr_t)guarded.first, address = (uintptr_t)info->si_addr, span = 1;

	if (!first || !is_synchronous(info))
		return false;
	if (info->si_code == BUS_MCEERR_AR && info->si_addr_lsb > 0 && info->si_addr_lsb < 48) {
		span <<= info->si_addr_lsb;
		address &= ~(span - 1);
	}
	return !info->si_addr || address - first < guarded.size || first - address < span;
}

static bool handles(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO ||
	       (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

/* What the kernel does before it calls a handler, and undoes when ours returns. */
static void mask(const struct sigaction *next, int number)
{
	sigset_t set;

	if (!sigisemptyset(&next->sa_mask))
		pthread_sigmask(SIG_BLOCK, &next->sa_mask, NULL);
	if (!(next->sa_flags & SA_NODEFER))
		return;
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* next is a copy: a handler may put another in its place. */
static void pass_on(const struct sigaction *next, int number, siginfo_t *info, void *context)
{
	if (handles(next))
		mask(next, number);
	if (next->sa_flags & SA_SIGINFO) {
		next->sa_sigaction(number, info, context);
	} else if (next->sa_handler == SIG_DFL || (next->sa_handler == SIG_IGN && is_synchronous(info))) {
		/* As without us: an ignored fault ends the process too. What was sent does not come again. */
		signal(number, SIG_DFL);
		if (!is_synchronous(info))
			raise(number);
	} else if (next->sa_handler != SIG_IGN) {
		next->sa_handler(number);
	}
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	const char *frame = __builtin_frame_address(0);
	const struct sigaction *next = atomic_load(&previous);
	struct sigaction copy;
	int saved = errno;
	bool shared;

	if (is_guarded(info))
		siglongjmp(escape, 1);
	/* A handler that replaced ours may call it in turn, for the same signal and deeper in the stack. */
	if (passing.context == context && frame < passing.frame)
		next = &original;
	else if (sv_kvm_note(info, &shared) && !(shared && handles(next)))
		return;
	passing.context = context;
	passing.frame = frame;
	copy = *next;
	if (copy.sa_flags & SA_RESETHAND)
		atomic_compare_exchange_strong(&previous, &next, &once_handled);
	pass_on(&copy, number, info, context);
	passing.context = NULL;
	errno = saved;
}

void sv_kvm_chain(const struct sigaction *action, struct sigaction *old)
{
	const struct sigaction *now = atomic_load(&previous);

	if (old)
		*old = *now;
	if (!action)
		return;
	chain[now == &chain[0]] = *action;
	atomic_store(&previous, &chain[now == &chain[0]]);
}

enum sv_status sv_kvm_guard(void)
{
	static bool installed;
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK}, current;

	if (sigaction(SIGBUS, NULL, &current))
		return SV_UNSUPPORTED;
	if (current.sa_flags & SA_SIGINFO && current.sa_sigaction == on_sigbus)
		return SV_OK;
	sv_kvm_chain(&current, NULL);
	if (!installed)
		original = current;
	sigemptyset(&action.sa_mask);
	action.sa_flags |= current.sa_flags & SA_RESTART;
	if (sigaction(SIGBUS, &action, NULL))
		return SV_UNSUPPORTED;
	installed = true;
	return SV_OK;
}

/*
 * One load or store of the whole size where the address allows it: memcpy gives no such promise. Unaligned
 * ones are not single-copy atomic on hardware either (DDI 0487, B2.2.1).
 */
#define COPY(type)                                                                              \
	do {                                                                                    \
		type value;                                                                     \
		if ((uintptr_t)from % sizeof(type) == 0 && (uintptr_t)to % sizeof(type) == 0) { \
			value = __atomic_load_n((const type *)from, __ATOMIC_RELAXED);          \
			__atomic_store_n((type *)to, value, __ATOMIC_RELAXED);                  \
		} else if ((uintptr_t)from % sizeof(type) == 0) {                               \
			value = __atomic_load_n((const type *)from, __ATOMIC_RELAXED);          \
			memcpy(to, &value, sizeof(value));                                      \
		} else if ((uintptr_t)to % sizeof(type) == 0) {                                 \
			memcpy(&value, from, sizeof(value));                                    \
			__atomic_store_n((type *)to, value, __ATOMIC_RELAXED);                  \
		} else {                                                                        \
			memcpy(to, from, sizeof(value));                                        \
		}                                                                               \
	} while (0)

static void copy(void *to, const void *from, unsigned size)
{
	switch (size) {
	case 8:
		COPY(uint64_t);
		break;
	case 4:
		COPY(uint32_t);
		break;
	case 2:
		COPY(uint16_t);
		break;
	default:
		COPY(uint8_t);
		break;
	}
}

static enum sv_status guard(const void *host, void *to, const void *from, unsigned size)
{
	/*
	 * The mask is not saved: that would cost a system call, and the handler blocks nothing but SIGBUS
	 * itself.
	 */
	if (sigsetjmp(escape, 0)) {
		sigset_t sigbus;

		guarded.first = NULL;
		sigemptyset(&sigbus);
		sigaddset(&sigbus, SIGBUS);
		pthread_sigmask(SIG_UNBLOCK, &sigbus, NULL);
		return SV_FAULT;
	}
	guarded.size = size;
	guarded.first = host;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	copy(to, from, size);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	guarded.first = NULL;
	return SV_OK;
}

enum sv_status sv_kvm_guarded_load(const void *host, unsigned size, void *data)
{
	return guard(host, data, host, size);
}

enum sv_status sv_kvm_guarded_store(void *host, unsigned size, const void *data)
{
	return guard(host, host, data, size);
}
