/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells: writes that the kernel would have turned into a signal (virt/kvm/eventfd.c, ioeventfd_in_range).
 */
#include <salvage/space.h>

static bool rings(const struct sv_doorbell *doorbell, uint64_t ipa, unsigned size, uint64_t value)
{
	if (doorbell->ipa != ipa || (doorbell->length && doorbell->length != size))
		return false;
	/* Without a length the kernel compares no value either. */
	return !doorbell->length || !doorbell->datamatch || doorbell->value == value;
}

const struct sv_doorbell *sv_doorbell_find(const struct sv_doorbell *doorbells, size_t count, uint64_t ipa,
					   unsigned size, const uint8_t *data)
{
	uint64_t value = 0;

	if (size > sizeof(value))
		return NULL;
	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)data[i] << 8 * i;
	for (size_t i = 0; i < count; i++)
		if (rings(&doorbells[i], ipa, size, value))
			return &doorbells[i];
	return NULL;
}
