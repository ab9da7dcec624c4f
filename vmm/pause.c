/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pausing the VM for one of its vCPUs: while it holds the pause, no other runs, and none is inside an ioctl.
 * The others wait between two KVM_RUNs, or where they want the pause themselves. A vCPU that waits for a
 * slow reader of the console is waited for.
 */
#include "vm.h"

void vmm_pause_init(struct vmm_vm *vm)
{
	pthread_mutex_init(&vm->pause.lock, NULL);
	pthread_cond_init(&vm->pause.changed, NULL);
}

/* With the lock held: until nobody holds the pause. */
static void wait_for_owner(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;

	while (pause->owner)
		pthread_cond_wait(&pause->changed, &pause->lock);
}

static void stand_still(struct vmm_vcpu *vcpu)
{
	vcpu->runs = false;
	pthread_cond_broadcast(&vcpu->vm->pause.changed);
	wait_for_owner(vcpu);
	vcpu->runs = true;
}

void vmm_pause_enter(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;

	pthread_mutex_lock(&pause->lock);
	wait_for_owner(vcpu);
	vcpu->runs = true;
	pthread_mutex_unlock(&pause->lock);
}

void vmm_pause_leave(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;

	pthread_mutex_lock(&pause->lock);
	vcpu->runs = false;
	pthread_cond_broadcast(&pause->changed);
	pthread_mutex_unlock(&pause->lock);
}

/*
 * Whoever kicks has said before what for: with the flag down nobody wants anything, and whoever wants
 * something after that look gets this vCPU out of KVM_RUN by the flag and the signal.
 */
void vmm_pause_point(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;

	if (!__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&pause->lock);
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (pause->owner)
		stand_still(vcpu);
	pthread_mutex_unlock(&pause->lock);
}

/* With the lock held. True: another one runs, and was kicked. */
static bool kick_others(struct vmm_vcpu *vcpu)
{
	struct vmm_vm *vm = vcpu->vm;
	bool kicked = false;

	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (&vm->vcpus[i] != vcpu && vm->vcpus[i].runs) {
			vmm_vcpu_kick(&vm->vcpus[i]);
			kicked = true;
		}
	return kicked;
}

void vmm_pause_begin(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;
	struct timespec until;

	pthread_mutex_lock(&pause->lock);
	if (pause->owner)
		stand_still(vcpu);
	pause->owner = vcpu;
	while (kick_others(vcpu)) {
		vmm_vcpu_kick_again(&until);
		pthread_cond_timedwait(&pause->changed, &pause->lock, &until);
	}
	pthread_mutex_unlock(&pause->lock);
}

void vmm_pause_end(struct vmm_vcpu *vcpu)
{
	struct vmm_pause *pause = &vcpu->vm->pause;

	pthread_mutex_lock(&pause->lock);
	pause->owner = NULL;
	pthread_cond_broadcast(&pause->changed);
	pthread_mutex_unlock(&pause->lock);
}
