/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KVM_IOEVENTFD: writes that the kernel turns into a signal, and that an instruction with ISV=0 never rings
 * because its exit comes before. The shim signals in the kernel's place. The kernel holds the eventfd by
 * itself, so a VMM may close its descriptor: such a close does not happen then, and the descriptor is ours.
 */
#include <errno.h>
#include <unistd.h>

#include "shim.h"

/* Addresses of port I/O, and of s390's channels. */
#define ELSEWHERE (SV_KVM_IOEVENTFD_FLAG_PIO | SV_KVM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY)

static bool same(const struct shim_doorbell *known, const struct sv_kvm_ioeventfd *ioeventfd)
{
	const struct sv_doorbell *doorbell = &known->doorbell;

	return doorbell->ipa == ioeventfd->addr && doorbell->length == ioeventfd->len &&
	       doorbell->datamatch == (bool)(ioeventfd->flags & SV_KVM_IOEVENTFD_FLAG_DATAMATCH) &&
	       (!doorbell->datamatch || doorbell->value == ioeventfd->datamatch);
}

bool shim_doorbell_unused(const struct shim_vm *vm, int fd, size_t from)
{
	for (size_t i = from; i < vm->doorbell_count; i++)
		if (vm->doorbells[i].fd == fd)
			return false;
	return true;
}

static void drop(struct shim_vm *vm, const struct sv_kvm_ioeventfd *ioeventfd)
{
	for (size_t i = 0; i < vm->doorbell_count; i++) {
		struct shim_doorbell known = vm->doorbells[i];

		/* By what number the file goes does not count: the kernel lets no two be alike in all else. */
		if (!same(&known, ioeventfd))
			continue;
		vm->doorbells[i] = vm->doorbells[--vm->doorbell_count];
		if (known.ours && shim_doorbell_unused(vm, known.fd, 0))
			shim_system.close(known.fd);
		return;
	}
}

void shim_doorbell_set(struct shim_vm *vm, const struct sv_kvm_ioeventfd *ioeventfd)
{
	if (ioeventfd->flags & ELSEWHERE)
		return;
	if (ioeventfd->flags & SV_KVM_IOEVENTFD_FLAG_DEASSIGN) {
		drop(vm, ioeventfd);
		return;
	}
	if (vm->doorbell_count == SHIM_DOORBELLS) {
		shim_notice(vm, "the doorbell at 0x%llx: more than %d, salvage leaves it to the VMM",
			    (unsigned long long)ioeventfd->addr, SHIM_DOORBELLS);
		return;
	}
	vm->doorbells[vm->doorbell_count++] = (struct shim_doorbell){
		.doorbell = {.ipa = ioeventfd->addr,
			     .length = ioeventfd->len,
			     .datamatch = ioeventfd->flags & SV_KVM_IOEVENTFD_FLAG_DATAMATCH,
			     .value = ioeventfd->datamatch},
		.fd = ioeventfd->fd,
	};
}

bool shim_doorbell_ring(struct shim_vcpu *vcpu, const struct sv_access *access)
{
	const struct shim_space *space = atomic_load(&vcpu->vm->space);
	const struct sv_doorbell *doorbell;
	const uint64_t one = 1;

	if (!access->write || access->op || access->size > sizeof(one))
		return false;
	doorbell = sv_doorbell_find(space->doorbells, space->doorbell_count, access->ipa, access->size,
				    access->data);
	/* A counter that is full rings already (eventfd(2)); it may block only where the VMM made it so. */
	return doorbell &&
	       (write((int)(intptr_t)doorbell->opaque, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}
