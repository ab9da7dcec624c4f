/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's device tree, which names the devices. A VMM hands it over in x0 (Documentation/arch/arm64/
 * booting.rst), or leaves it at the start of RAM (firmware, bare ELF files under QEMU), or somewhere that a
 * boot stub at the PC has as a literal. It is copied out before the guest runs for the first time, and read
 * by the helper: it is the guest's, so it is not taken apart in the VMM's process.
 */
#include <string.h>

#include "../src/kvm/vcpu.h"
#include "shim.h"

#define FDT_MAGIC 0xd00dfeedu

/* Words at the PC that are taken for literals of a boot stub. */
#define STUB 64

/* Linux wants trees 8-byte aligned, QEMU puts them at multiples of 2 MiB; so many of those are looked at. */
#define STRIDE UINT64_C(0x200000)
#define PROBES 4096

#define LOOK_MS 10000

/* Guest memory at ipa as far as one slot has it: its address here, *size bytes of it, or NULL. */
static const char *host(const struct shim_space *space, uint64_t ipa, uint64_t *size)
{
	struct sv_place place = sv_space_find(&space->space, ipa, false);

	if ((place.kind != SV_REGION_RAM && place.kind != SV_REGION_ROM) || !place.region->host)
		return NULL;
	*size = place.last - ipa + 1;
	return (const char *)place.region->host + (ipa - place.region->first);
}

static bool load(const struct shim_space *space, uint64_t ipa, unsigned size, void *value)
{
	uint64_t room;
	const char *from = host(space, ipa, &room);

	return from && room >= size && !sv_kvm_guarded_load(from, size, value);
}

/* Copies the tree at ipa out, if there is one. */
static bool take(const struct shim_space *space, uint64_t ipa)
{
	struct shim_channel *channel = shim_channel;
	uint64_t room = 0, word;
	const char *from;
	uint32_t header[2];

	if (ipa % 8 || !load(space, ipa, 8, header) || __builtin_bswap32(header[0]) != FDT_MAGIC)
		return false;
	channel->tree_size = __builtin_bswap32(header[1]);
	from = host(space, ipa, &room);
	if (channel->tree_size < 64 || channel->tree_size > SHIM_TREE || channel->tree_size + 8 > room)
		return false;
	for (uint64_t at = 0; at < channel->tree_size; at += 8) {
		if (sv_kvm_guarded_load(from + at, 8, &word))
			return false;
		memcpy(channel->tree + at, &word, 8);
	}
	return true;
}

static bool in_stub(const struct shim_space *space, uint64_t pc)
{
	for (uint64_t at = (pc + 7) & ~UINT64_C(7); at < pc + STUB; at += 4) {
		uint32_t half[2];

		if (load(space, at, 4, &half[0]) && load(space, at + 4, 4, &half[1]) &&
		    take(space, half[0] | (uint64_t)half[1] << 32))
			return true;
	}
	return false;
}

static bool find(struct shim_vcpu *vcpu, const struct shim_space *space)
{
	const struct sv_space *slots = &space->space;
	uint64_t x0, pc;

	if (!sv_kvm_get(&vcpu->kvm, SV_X0, &x0) && take(space, x0))
		return true;
	for (size_t i = 0; i < slots->memslots; i++)
		if (slots->regions[i].kind == SV_REGION_RAM && take(space, slots->regions[i].first))
			return true;
	if (!sv_kvm_get(&vcpu->kvm, SV_PC, &pc) && in_stub(space, pc))
		return true;
	for (size_t i = 0, probes = 0; i < slots->memslots; i++)
		for (uint64_t at = (slots->regions[i].first + STRIDE - 1) & ~(STRIDE - 1);
		     slots->regions[i].kind == SV_REGION_RAM && at < slots->regions[i].last &&
		     probes < PROBES;
		     at += STRIDE, probes++)
			if (take(space, at))
				return true;
	return false;
}

/* The mapping has room for one tree at a time. */
static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;

static bool look(struct shim_vcpu *vcpu)
{
	struct shim_vm *vm = vcpu->vm;
	struct shim_message message = {.kind = SHIM_LOOK, .vm = vm->number, .vcpu = (int32_t)vcpu->index};
	bool found = find(vcpu, shim_space_enter(vcpu));
	unsigned position;

	shim_space_leave(vcpu);
	if (!found || !shim_channel_put(shim_channel, &message, &position) ||
	    !shim_channel_wait(shim_channel, position, LOOK_MS) || !shim_channel->tree_usable)
		return false;
	pthread_mutex_lock(&vm->lock);
	vm->window_count =
		shim_channel->window_count < SHIM_WINDOWS ? shim_channel->window_count : SHIM_WINDOWS;
	memcpy(vm->windows, shim_channel->windows, vm->window_count * sizeof(*vm->windows));
	for (size_t i = 0; i < vm->window_count; i++)
		vm->windows[i].name[sizeof(vm->windows[i].name) - 1] = 0;
	shim_space_publish(vm, vcpu);
	pthread_mutex_unlock(&vm->lock);
	return true;
}

void shim_tree_forget(void)
{
	pthread_mutex_init(&looking, NULL);
}

void shim_tree_look(struct shim_vcpu *vcpu)
{
	struct shim_vm *vm = vcpu->vm;

	pthread_mutex_lock(&looking);
	if (!vm->tree_known) {
		vm->tree_known = look(vcpu);
		if (!vm->tree_known && !vcpu->index)
			shim_notice(
				vm,
				"no device tree in x0, at the start of memory, or behind a boot stub: devices are what "
				"rules and doorbells say, everything else is a hole");
	}
	pthread_mutex_unlock(&looking);
}
