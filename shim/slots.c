/* SPDX-License-Identifier: BSD-2-Clause */
/* Memslots, as KVM_SET_USER_MEMORY_REGION and its successor make, change, move and delete them. */
#include "shim.h"

struct shim_slot *shim_slot_find(struct shim_vm *vm, uint32_t id)
{
	for (size_t i = 0; i < vm->slot_count; i++)
		if (vm->slots[i].region.slot == id)
			return &vm->slots[i];
	return NULL;
}

static void set(struct shim_vm *vm, const struct sv_kvm_userspace_memory_region *region)
{
	struct shim_slot *known = shim_slot_find(vm, region->slot);

	if (!region->memory_size) {
		if (known)
			*known = vm->slots[--vm->slot_count];
		return;
	}
	if (!known && vm->slot_count == SHIM_SLOTS) {
		shim_notice(vm, "memory slot %u at 0x%llx: more than %d, salvage takes it for a hole",
			    region->slot, (unsigned long long)region->guest_phys_addr, SHIM_SLOTS);
		return;
	}
	if (!known)
		known = &vm->slots[vm->slot_count++];
	*known = (struct shim_slot){.region = *region};
}

void shim_slot_set(struct shim_vm *vm, const struct sv_kvm_userspace_memory_region *region)
{
	pthread_mutex_lock(&vm->dirty_lock);
	set(vm, region);
	pthread_mutex_unlock(&vm->dirty_lock);
}
