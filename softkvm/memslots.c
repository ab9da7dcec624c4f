/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memslots, and stage 2 over them (virt/kvm/kvm_main.c, kvm_set_memory_region; arch/arm64/kvm/mmu.c). Stage 2
 * begins empty: a page is mapped by the first abort on it, taken away again by the host, write-protected
 * while its dirty log is kept.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <salvage/except.h>

#include "soft.h"

/* Fault status codes of stage 2, level 3 (DDI 0487, D24.2, ESR_EL2, DFSC). */
#define FSC_TRANSLATION 0x07
#define FSC_ACCESS_FLAG 0x0b
#define FSC_PERMISSION  0x0f

#define FLAGS (SV_KVM_MEM_LOG_DIRTY_PAGES | SV_KVM_MEM_READONLY)

void soft_memory_changed(struct soft_vm *vm)
{
	uint64_t now = atomic_fetch_add(&vm->generation, 1) + 1;

	/* A vCPU on this thread is not inside. */
	for (unsigned i = 0; i < atomic_load(&vm->vcpu_count); i++) {
		struct soft_vcpu *vcpu = atomic_load(&vm->vcpus[i]);

		while (atomic_load(&vcpu->inside) && atomic_load(&vcpu->cpu->seen) < now)
			sched_yield();
	}
}

/* With the lock held. */
static struct soft_slot *find(const struct soft_vm *vm, uint64_t ipa)
{
	unsigned first = 0, last = vm->slot_count;

	while (first < last) {
		unsigned middle = (first + last) / 2;
		struct soft_slot *slot = vm->slots[middle];

		if (ipa < slot->first)
			last = middle;
		else if ((ipa - slot->first) >> SOFT_PAGE_SHIFT >= slot->pages)
			first = middle + 1;
		else
			return slot;
	}
	return NULL;
}

static uint64_t page_of(const struct soft_slot *slot, uint64_t ipa)
{
	return (ipa - slot->first) >> SOFT_PAGE_SHIFT;
}

bool soft_memory_page(void *opaque, uint64_t ipa, struct soft_lookup lookup, struct soft_page *page)
{
	struct soft_vm *vm = ((struct soft_vcpu *)opaque)->vm;
	const struct sv_soft_poison *poison;
	const struct soft_slot *slot;
	uint8_t state;

	pthread_rwlock_rdlock(&vm->lock);
	slot = find(vm, ipa);
	state = slot ? atomic_load(&slot->state[page_of(slot, ipa)]) : 0;
	*page = (struct soft_page){.fsc = FSC_TRANSLATION, .once = soft_poison_here(vm, ipa)};
	if (!(state & SOFT_MAPPED)) {
		page->fsc = FSC_TRANSLATION;
	} else if (!(state & SOFT_YOUNG)) {
		page->fsc = FSC_ACCESS_FLAG;
	} else if (lookup.write && !(state & SOFT_WRITABLE)) {
		page->fsc = FSC_PERMISSION;
	} else if ((poison = soft_poison_find(vm, ipa, lookup.fetch)) != NULL) {
		page->fsc = SV_FSC_EXTERNAL;
		page->fnv = poison->fnv && !lookup.walk;
		page->ea = poison->ea;
		page->set = poison->set;
	} else {
		page->host = slot->host + (page_of(slot, ipa) << SOFT_PAGE_SHIFT);
	}
	pthread_rwlock_unlock(&vm->lock);
	return page->host;
}

struct soft_place soft_memory_find(struct soft_vm *vm, uint64_t ipa)
{
	const struct soft_slot *slot;
	struct soft_place place = {0};

	pthread_rwlock_rdlock(&vm->lock);
	slot = find(vm, ipa);
	if (slot)
		place = (struct soft_place){true, !(slot->flags & SV_KVM_MEM_READONLY)};
	pthread_rwlock_unlock(&vm->lock);
	return place;
}

/* Whether the host cannot give the page: what it is that the hardware alone knows of it does not matter. */
static bool is_gone(struct soft_vm *vm, uint64_t ipa, struct sv_soft_poison *error)
{
	for (unsigned i = 0; i < vm->poison_count; i++)
		if (vm->poison[i].gpa == (ipa & SOFT_PAGE_MASK) && vm->poison[i].error >= SV_SOFT_HWPOISON) {
			*error = vm->poison[i];
			return true;
		}
	return false;
}

bool soft_memory_map(struct soft_vm *vm, uint64_t ipa, bool write, struct sv_soft_poison *error, void **host)
{
	struct soft_slot *slot;
	bool good = true;

	pthread_rwlock_rdlock(&vm->lock);
	slot = find(vm, ipa);
	if (slot) {
		uint64_t page = page_of(slot, ipa);
		uint8_t state = SOFT_MAPPED | SOFT_YOUNG;

		*host = slot->host + (page << SOFT_PAGE_SHIFT);
		good = !is_gone(vm, ipa, error);
		/* A page whose writes are logged is writable from its first write on. */
		if (!(slot->flags & SV_KVM_MEM_READONLY) && (write || !slot->dirty))
			state |= SOFT_WRITABLE;
		if (good && write && slot->dirty)
			atomic_fetch_or(&slot->dirty[page / 64], UINT64_C(1) << page % 64);
		if (good)
			atomic_fetch_or(&slot->state[page], state);
	}
	pthread_rwlock_unlock(&vm->lock);
	return good;
}

void soft_memory_make_young(struct soft_vm *vm, uint64_t ipa)
{
	struct soft_slot *slot;

	pthread_rwlock_rdlock(&vm->lock);
	slot = find(vm, ipa);
	if (slot)
		atomic_fetch_or(&slot->state[page_of(slot, ipa)], SOFT_YOUNG);
	pthread_rwlock_unlock(&vm->lock);
}

enum sv_status soft_memory_read(struct soft_vm *vm, uint64_t ipa, uint64_t *value)
{
	const struct soft_slot *slot;

	pthread_rwlock_rdlock(&vm->lock);
	slot = find(vm, ipa);
	if (slot)
		*value =
			__atomic_load_n((const uint64_t *)(slot->host + ((ipa & ~UINT64_C(7)) - slot->first)),
					__ATOMIC_RELAXED);
	pthread_rwlock_unlock(&vm->lock);
	return slot ? SV_OK : SV_TRANSLATION;
}

static void free_slot(struct soft_slot *slot)
{
	if (slot) {
		free((void *)slot->state);
		free((void *)slot->dirty);
		free(slot);
	}
}

void soft_memory_free(struct soft_vm *vm)
{
	for (unsigned i = 0; i < vm->slot_count; i++)
		free_slot(vm->slots[i]);
}

static struct soft_slot *new_slot(const struct sv_kvm_userspace_memory_region *region)
{
	struct soft_slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	*slot = (struct soft_slot){.id = region->slot,
				   .flags = region->flags,
				   .first = region->guest_phys_addr,
				   .pages = region->memory_size >> SOFT_PAGE_SHIFT,
				   .host = (uint8_t *)(uintptr_t)region->userspace_addr};
	slot->state = calloc(slot->pages, 1);
	if (region->flags & SV_KVM_MEM_LOG_DIRTY_PAGES)
		slot->dirty = calloc((slot->pages + 63) / 64, sizeof(*slot->dirty));
	if (!slot->state || (region->flags & SV_KVM_MEM_LOG_DIRTY_PAGES && !slot->dirty)) {
		free_slot(slot);
		return NULL;
	}
	return slot;
}

static int slot_of(const struct soft_vm *vm, uint32_t id)
{
	for (unsigned i = 0; i < vm->slot_count; i++)
		if (vm->slots[i]->id == id)
			return (int)i;
	return -1;
}

/* Whether the VM can have the region at all. */
static int check(const struct soft_vm *vm, const struct sv_kvm_userspace_memory_region *region)
{
	uint64_t first = region->guest_phys_addr, size = region->memory_size;

	if (region->flags & ~FLAGS || (first | size | region->userspace_addr) & ~SOFT_PAGE_MASK ||
	    region->slot >= SOFT_SLOTS || first + size < first)
		return -EINVAL;
	return 0;
}

/* With the lock held: in place of old, which may be NULL, and which is left to the caller. */
static int place_slot(struct soft_vm *vm, struct soft_slot *old, struct soft_slot *slot)
{
	unsigned at = 0, count = 0;

	for (unsigned i = 0; i < vm->slot_count; i++) {
		const struct soft_slot *other = vm->slots[i];

		if (other != old && slot && slot->first < other->first + (other->pages << SOFT_PAGE_SHIFT) &&
		    other->first < slot->first + (slot->pages << SOFT_PAGE_SHIFT))
			return -EEXIST;
	}
	for (unsigned i = 0; i < vm->slot_count; i++)
		if (vm->slots[i] != old)
			vm->slots[count++] = vm->slots[i];
	vm->slot_count = count;
	if (!slot)
		return 0;
	if (count == SOFT_SLOTS)
		return -EINVAL;
	while (at < count && vm->slots[at]->first < slot->first)
		at++;
	memmove(&vm->slots[at + 1], &vm->slots[at], (count - at) * sizeof(*vm->slots));
	vm->slots[at] = slot;
	vm->slot_count++;
	return 0;
}

/* With the lock held: 0, and what is to be freed once no CPU uses it; or an error and nothing has changed. */
static int change(struct soft_vm *vm, const struct sv_kvm_userspace_memory_region *region,
		  struct soft_slot **unused)
{
	int index = slot_of(vm, region->slot), rc;
	struct soft_slot *old = index < 0 ? NULL : vm->slots[index], *slot;

	*unused = NULL;
	if (!region->memory_size) {
		*unused = old;
		return old ? place_slot(vm, old, NULL) : -EINVAL;
	}
	if (old) {
		if ((uint8_t *)(uintptr_t)region->userspace_addr != old->host ||
		    region->memory_size >> SOFT_PAGE_SHIFT != old->pages ||
		    (region->flags ^ old->flags) & SV_KVM_MEM_READONLY)
			return -EINVAL;
		if (region->guest_phys_addr == old->first && region->flags == old->flags)
			return 0;
	}
	if (region->guest_phys_addr + region->memory_size > UINT64_C(1) << vm->ipa_bits)
		return -EFAULT;
	slot = new_slot(region);
	if (!slot)
		return -ENOMEM;
	rc = place_slot(vm, old, slot);
	*unused = rc ? slot : old;
	return rc;
}

int soft_set_memory(struct soft_object *object, void *argument)
{
	const struct sv_kvm_userspace_memory_region *region = argument;
	struct soft_vm *vm = (struct soft_vm *)object;
	struct soft_slot *unused;
	int rc = check(vm, region);

	if (rc)
		return rc;
	pthread_rwlock_wrlock(&vm->lock);
	rc = change(vm, region, &unused);
	pthread_rwlock_unlock(&vm->lock);
	if (!rc)
		soft_memory_changed(vm);
	free_slot(unused);
	return rc;
}

int soft_set_memory2(struct soft_object *object, void *argument)
{
	const struct sv_kvm_userspace_memory_region2 *region = argument;
	struct sv_kvm_userspace_memory_region plain = {region->slot, region->flags, region->guest_phys_addr,
						       region->memory_size, region->userspace_addr};

	return soft_has(object->soft, SV_KVM_CAP_USER_MEMORY2) ? soft_set_memory(object, &plain) : -ENOTTY;
}

int soft_get_dirty_log(struct soft_object *object, void *argument)
{
	const struct sv_kvm_dirty_log *log = argument;
	uint64_t *bitmap = (uint64_t *)(uintptr_t)log->dirty_bitmap;
	struct soft_vm *vm = (struct soft_vm *)object;
	struct soft_slot *slot = NULL;
	int index;

	if (log->slot >= SOFT_SLOTS)
		return -EINVAL;
	/* For itself alone: a page that is written meanwhile must be in this log or in the next. */
	pthread_rwlock_wrlock(&vm->lock);
	index = slot_of(vm, log->slot);
	if (index >= 0)
		slot = vm->slots[index];
	if (!slot || !slot->dirty) {
		pthread_rwlock_unlock(&vm->lock);
		return -ENOENT;
	}
	for (uint64_t page = 0; page < slot->pages; page++)
		if (atomic_load(&slot->dirty[page / 64]) >> page % 64 & 1)
			atomic_fetch_and(&slot->state[page], (uint8_t)~SOFT_WRITABLE);
	pthread_rwlock_unlock(&vm->lock);
	/* From here on a write aborts, and marks its page once more. */
	soft_memory_changed(vm);
	pthread_rwlock_wrlock(&vm->lock);
	index = slot_of(vm, log->slot);
	if (index >= 0 && vm->slots[index] == slot)
		for (uint64_t word = 0; word < (slot->pages + 63) / 64; word++) {
			bitmap[word] = atomic_exchange(&slot->dirty[word], 0);
			/* Pages that were made dirty meanwhile are so for the next log too. */
			for (unsigned bit = 0; bitmap[word] && bit < 64 && word * 64 + bit < slot->pages;
			     bit++)
				if (bitmap[word] >> bit & 1 &&
				    atomic_load(&slot->state[word * 64 + bit]) & SOFT_WRITABLE)
					atomic_fetch_or(&slot->dirty[word], UINT64_C(1) << bit);
		}
	pthread_rwlock_unlock(&vm->lock);
	return 0;
}

/* Has pages lose bits of their state. */
static int lose(struct sv_soft *soft, int vm_fd, uint64_t first, uint64_t last, uint8_t bits)
{
	struct soft_vm *vm = (struct soft_vm *)soft_object(soft, vm_fd, SOFT_KIND_VM);

	if (!vm)
		return -EBADF;
	pthread_rwlock_rdlock(&vm->lock);
	for (unsigned i = 0; i < vm->slot_count; i++) {
		struct soft_slot *slot = vm->slots[i];
		uint64_t end = slot->first + (slot->pages << SOFT_PAGE_SHIFT) - 1;
		uint64_t from = first > slot->first ? first : slot->first, to = last < end ? last : end;

		for (; from <= to && from >= slot->first; from = (from & SOFT_PAGE_MASK) + SOFT_PAGE)
			atomic_fetch_and(&slot->state[page_of(slot, from)], (uint8_t)~bits);
	}
	pthread_rwlock_unlock(&vm->lock);
	soft_memory_changed(vm);
	return 0;
}

int sv_soft_unmap(struct sv_soft *soft, int vm_fd, uint64_t first, uint64_t last)
{
	return lose(soft, vm_fd, first, last, SOFT_MAPPED | SOFT_YOUNG | SOFT_WRITABLE);
}

int sv_soft_age(struct sv_soft *soft, int vm_fd, uint64_t first, uint64_t last)
{
	return lose(soft, vm_fd, first, last, SOFT_YOUNG);
}
