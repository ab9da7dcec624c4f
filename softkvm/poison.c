/* SPDX-License-Identifier: BSD-2-Clause */
/* Bad pages on purpose, and the signal that tells of them. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "soft.h"

#define SIGBUS_CODE_AR 4 /* BUS_MCEERR_AR, which not every libc names */

static bool is_hardware(const struct sv_soft_poison *poison)
{
	return poison->error <= SV_SOFT_CLAIMED_BAD;
}

static bool is_same(const struct sv_soft_poison *poison, uint64_t page, bool fetch)
{
	return poison->gpa == page && (!is_hardware(poison) || poison->fetch == fetch);
}

struct sv_soft_poison *soft_poison_find(struct soft_vm *vm, uint64_t ipa, bool fetch)
{
	for (unsigned i = 0; i < vm->poison_count; i++)
		if (is_hardware(&vm->poison[i]) && is_same(&vm->poison[i], ipa & SOFT_PAGE_MASK, fetch))
			return &vm->poison[i];
	return NULL;
}

bool soft_poison_here(const struct soft_vm *vm, uint64_t ipa)
{
	for (unsigned i = 0; i < vm->poison_count; i++)
		if (vm->poison[i].gpa == (ipa & SOFT_PAGE_MASK))
			return true;
	return false;
}

bool soft_poison_of_stage2(struct soft_vm *vm, uint64_t ipa)
{
	const struct sv_soft_poison *poison;
	bool stage2;

	pthread_rwlock_rdlock(&vm->lock);
	poison = soft_poison_find(vm, ipa, false);
	stage2 = poison && poison->stage2;
	pthread_rwlock_unlock(&vm->lock);
	return stage2;
}

/* With the lock held. */
static void drop(struct soft_vm *vm, const struct sv_soft_poison *poison)
{
	unsigned at = (unsigned)(poison - vm->poison);

	vm->poison_count--;
	memmove(&vm->poison[at], &vm->poison[at + 1], (vm->poison_count - at) * sizeof(*vm->poison));
}

bool soft_poison_met(struct soft_vm *vm, uint64_t ipa, bool fetch, struct sv_soft_poison *met)
{
	struct sv_soft_poison *poison;
	bool gone = false;

	pthread_rwlock_wrlock(&vm->lock);
	poison = soft_poison_find(vm, ipa, fetch);
	if (poison) {
		*met = *poison;
		gone = poison->error != SV_SOFT_SEA;
		/* memory_failure(): the host has unmapped the page, and knows for ever. */
		if (gone)
			poison->error = SV_SOFT_HWPOISON;
		else if (poison->times && !--poison->times)
			drop(vm, poison);
	}
	pthread_rwlock_unlock(&vm->lock);
	if (gone)
		sv_soft_unmap(vm->object.soft, vm->object.fd, ipa & SOFT_PAGE_MASK, ipa | ~SOFT_PAGE_MASK);
	else if (poison)
		soft_memory_changed(vm);
	return poison;
}

int sv_soft_poison(struct sv_soft *soft, int vm_fd, const struct sv_soft_poison *wanted)
{
	struct soft_vm *vm = (struct soft_vm *)soft_object(soft, vm_fd, SOFT_KIND_VM);
	struct sv_soft_poison poison = *wanted;
	unsigned at;

	if (!vm)
		return -EBADF;
	poison.gpa &= SOFT_PAGE_MASK;
	pthread_rwlock_wrlock(&vm->lock);
	for (at = 0; at < vm->poison_count; at++)
		if (vm->poison[at].gpa == poison.gpa &&
		    (!is_hardware(&vm->poison[at]) || !is_hardware(&poison) ||
		     vm->poison[at].fetch == poison.fetch))
			break;
	if (at < SV_SOFT_POISONED)
		vm->poison[at] = poison;
	if (at == vm->poison_count && at < SV_SOFT_POISONED)
		vm->poison_count++;
	pthread_rwlock_unlock(&vm->lock);
	if (at == SV_SOFT_POISONED)
		return -ENOSPC;
	/* What the host knows it has unmapped. */
	if (!is_hardware(&poison))
		return sv_soft_unmap(soft, vm_fd, poison.gpa, poison.gpa + SOFT_PAGE - 1);
	soft_memory_changed(vm);
	return 0;
}

int sv_soft_heal(struct sv_soft *soft, int vm_fd, uint64_t gpa)
{
	struct soft_vm *vm = (struct soft_vm *)soft_object(soft, vm_fd, SOFT_KIND_VM);
	int rc = -ENOENT;

	if (!vm)
		return -EBADF;
	pthread_rwlock_wrlock(&vm->lock);
	for (unsigned i = vm->poison_count; i-- > 0;)
		if (vm->poison[i].gpa == (gpa & SOFT_PAGE_MASK)) {
			drop(vm, &vm->poison[i]);
			rc = 0;
		}
	pthread_rwlock_unlock(&vm->lock);
	soft_memory_changed(vm);
	return rc;
}

/*
 * The kernel lets a process queue itself a signal with any code (kernel/signal.c, do_rt_tgsigqueueinfo); not
 * so kill(2) and its like, which set the code themselves.
 */
void soft_sigbus(struct soft_vcpu *vcpu, int code, void *address, unsigned lsb)
{
	const struct sv_soft_config *config = &vcpu->object.soft->config;
	siginfo_t info;

	if (config->sigbus) {
		config->sigbus(config->opaque, vcpu->object.fd, code, address, lsb);
		return;
	}
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGBUS;
	info.si_code = code;
	if (code == SIGBUS_CODE_AR) {
		info.si_addr = address;
		info.si_addr_lsb = (short)lsb;
	}
	syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), SIGBUS, &info);
}
