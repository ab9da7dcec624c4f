/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages that salvage wrote on a guest's behalf: the kernel's log does not know them, since the host wrote, so
 * KVM_GET_DIRTY_LOG shows them in addition. Each is shown once; a VMM with manual protection has then seen it,
 * and clears it or not as it likes. The dirty ring has no room for strangers; the bitmap that it has beside it
 * (KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP) is read by the same request.
 */
#include <unistd.h>

#include "shim.h"

static bool logs(const struct shim_slot *slot)
{
	return slot->region.flags & SV_KVM_MEM_LOG_DIRTY_PAGES;
}

static bool holds(const struct shim_slot *slot, uint64_t ipa)
{
	return ipa - slot->region.guest_phys_addr < slot->region.memory_size;
}

static void add(struct shim_vm *vm, struct shim_slot *slot, uint64_t page)
{
	for (size_t i = 0; i < vm->dirty_count; i++)
		if (vm->dirty[i] == page)
			return;
	if (vm->dirty_count == SHIM_DIRTY)
		slot->all_dirty = true;
	else
		vm->dirty[vm->dirty_count++] = page;
}

void shim_dirty_add(void *opaque, uint64_t ipa, unsigned size)
{
	struct shim_vm *vm = ((struct shim_vcpu *)opaque)->vm;
	uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE), last = ipa + size - 1;

	pthread_mutex_lock(&vm->dirty_lock);
	for (size_t i = 0; i < vm->slot_count; i++)
		if (logs(&vm->slots[i]) && holds(&vm->slots[i], ipa))
			for (uint64_t page = ipa / unit; page <= last / unit; page++)
				add(vm, &vm->slots[i], page);
	pthread_mutex_unlock(&vm->dirty_lock);
}

static void mark(uint64_t *bitmap, uint64_t page)
{
	__atomic_fetch_or(&bitmap[page / 64], UINT64_C(1) << page % 64, __ATOMIC_RELAXED);
}

void shim_dirty_show(struct shim_vm *vm, struct shim_slot *slot, uint64_t *bitmap)
{
	uint64_t unit = (uint64_t)sysconf(_SC_PAGESIZE), first = slot->region.guest_phys_addr / unit;
	size_t left = 0;

	pthread_mutex_lock(&vm->dirty_lock);
	for (size_t i = 0; i < vm->dirty_count; i++) {
		if (holds(slot, vm->dirty[i] * unit))
			mark(bitmap, vm->dirty[i] - first);
		else
			vm->dirty[left++] = vm->dirty[i];
	}
	vm->dirty_count = left;
	for (uint64_t page = 0; slot->all_dirty && page < slot->region.memory_size / unit; page++)
		mark(bitmap, page);
	slot->all_dirty = false;
	pthread_mutex_unlock(&vm->dirty_lock);
}
