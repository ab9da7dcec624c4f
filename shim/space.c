/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VM's space as its vCPUs see it. A request that changes it builds a new snapshot and waits until no vCPU
 * is between shim_space_enter and shim_space_leave with the old one: after the VMM's call has returned it may
 * unmap what was there. A session that waits for the VMM keeps the names of its old snapshot, pinned, and asks
 * the new one whether memory is still where it was.
 *
 * Of snapshots there are as many as can be in use at once, made with the vCPUs: one pinned by each, the current
 * one, and the one that is built.
 */
#include <stdlib.h>

#include "shim.h"

bool shim_space_room(struct shim_vm *vm, unsigned snapshots)
{
	while (snapshots--) {
		struct shim_space *space = calloc(1, sizeof(*space));

		if (!space)
			return false;
		space->next = vm->spare;
		vm->spare = space;
	}
	return true;
}

void shim_space_free(struct shim_vm *vm)
{
	struct shim_space *space = atomic_load(&vm->space);

	if (space) {
		space->next = vm->spare;
		vm->spare = space;
	}
	while ((space = vm->spare)) {
		vm->spare = space->next;
		free(space);
	}
}

/* What lies in nothing yet of a range becomes a device. Windows of a tree may overlap, doorbells lie in them. */
static void add_device(struct shim_space *to, struct sv_region region)
{
	struct sv_region piece = region;

	while (region.first <= region.last) {
		const struct sv_region *other = NULL;

		/* The first device at or after what is left. */
		for (size_t i = 0; i < to->space.devices; i++) {
			const struct sv_region *device = &to->regions[SHIM_REGIONS - 1 - i];

			if (device->last >= region.first && device->first <= region.last &&
			    (!other || device->first < other->first))
				other = device;
		}
		if (!other || other->first > region.first) {
			piece.first = region.first;
			piece.last = other ? other->first - 1 : region.last;
			if (sv_space_add(&to->space, &piece) != SV_OK) {
				to->cut = true;
				return;
			}
		}
		if (!other || other->last >= region.last)
			return;
		region.first = other->last + 1;
	}
}

/* Devices of a known kind: any access that the architecture can make goes to the VMM, in pieces it can take. */
static const struct sv_region window = {.kind = SV_REGION_WINDOW, .sizes = SV_SIZES_ANY | 64};

static void add_windows(struct shim_space *to, const struct shim_vm *vm)
{
	for (size_t i = 0; i < vm->window_count; i++) {
		struct sv_region region = window;

		region.first = vm->windows[i].first;
		region.last = vm->windows[i].last;
		region.name = vm->windows[i].name;
		if (vm->windows[i].controller && vm->gic_fd >= 0)
			region.kind = SV_REGION_KERNEL;
		add_device(to, region);
	}
	for (size_t i = 0; i < vm->doorbell_count; i++) {
		const struct sv_doorbell *doorbell = &vm->doorbells[i].doorbell;
		struct sv_region region = window;

		region.first = doorbell->ipa;
		region.last = doorbell->ipa + (doorbell->length ? doorbell->length : 1) - 1;
		region.name = "doorbell";
		add_device(to, region);
	}
	for (size_t i = 0; i < vm->zone_count; i++) {
		struct sv_region region = window;

		region.first = vm->zones[i].first;
		region.last = vm->zones[i].last;
		region.name = "coalesced MMIO";
		add_device(to, region);
	}
	/* A rule that says of a place what is to be emulated there says that something is there. */
	for (size_t i = 0; i < shim_policy.count; i++) {
		const struct sv_rule *rule = &shim_policy.rules[i];
		struct sv_region region = window;

		if (rule->action != SV_ACTION_EMULATE || (!rule->first && rule->last == UINT64_MAX) ||
		    rule->selector == SV_SELECT_CLASS ||
		    (rule->selector == SV_SELECT_CAUSE && rule->cause != SV_CAUSE_NISV))
			continue;
		region.first = rule->first;
		region.last = rule->last;
		region.name = "by rule";
		add_device(to, region);
	}
}

static void build(struct shim_space *to, const struct shim_vm *vm)
{
	sv_space_init(&to->space, to->regions, SHIM_REGIONS);
	to->cut = false;
	for (size_t i = 0; i < vm->slot_count; i++) {
		const struct sv_kvm_userspace_memory_region *slot = &vm->slots[i].region;
		struct sv_region region = {
			.first = slot->guest_phys_addr,
			.last = slot->guest_phys_addr + slot->memory_size - 1,
			.kind = slot->flags & SV_KVM_MEM_READONLY ? SV_REGION_ROM : SV_REGION_RAM,
			.name = slot->flags & SV_KVM_MEM_READONLY ? "of the VMM" : "memory",
			.host = (void *)(uintptr_t)slot->userspace_addr,
		};

		if (sv_space_add(&to->space, &region) != SV_OK)
			to->cut = true;
	}
	add_windows(to, vm);
	to->doorbell_count = 0;
	for (size_t i = 0; i < vm->doorbell_count; i++) {
		if (vm->doorbells[i].fd < 0)
			continue;
		to->doorbells[to->doorbell_count] = vm->doorbells[i].doorbell;
		to->doorbells[to->doorbell_count++].opaque = (void *)(intptr_t)vm->doorbells[i].fd;
	}
}

static void relax(void)
{
#ifdef __aarch64__
	__asm__ volatile("yield");
#endif
}

void shim_space_publish(struct shim_vm *vm, struct shim_vcpu *self)
{
	struct shim_space *old = atomic_load(&vm->space), *new = NULL;

	/* One that no session holds. There is one: see above. */
	for (struct shim_space **at = &vm->spare; *at; at = &(*at)->next)
		if (!atomic_load(&(*at)->pins)) {
			new = *at;
			*at = new->next;
			break;
		}
	if (!new)
		return;
	build(new, vm);
	if (new->cut && !(old && old->cut))
		shim_notice(
			vm,
			"more memory slots and devices than salvage follows: those beyond are holes to it");
	atomic_store(&vm->space, new);
	/* Short: between enter and leave nothing waits for the VMM or for the helper. */
	for (struct shim_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		while (vcpu != self && atomic_load(&vcpu->inside))
			relax();
	if (old) {
		old->next = vm->spare;
		vm->spare = old;
	}
}

const struct shim_space *shim_space_enter(struct shim_vcpu *vcpu)
{
	atomic_store(&vcpu->inside, true);
	return atomic_load(&vcpu->vm->space);
}

void shim_space_leave(struct shim_vcpu *vcpu)
{
	atomic_store(&vcpu->inside, false);
}

void shim_space_pin(struct shim_vcpu *vcpu, const struct shim_space *space)
{
	vcpu->pinned = (struct shim_space *)space;
	atomic_fetch_add(&vcpu->pinned->pins, 1);
}

void shim_space_unpin(struct shim_vcpu *vcpu)
{
	if (vcpu->pinned)
		atomic_fetch_sub(&vcpu->pinned->pins, 1);
	vcpu->pinned = NULL;
}
