/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <salvage/abort.h>

#include "devices.h"

static struct vmm_recorder *recorder_of(struct vmm_device *device)
{
	return (struct vmm_recorder *)((char *)device - offsetof(struct vmm_recorder, device));
}

static void recorder_read(struct vmm_device *device, uint64_t offset, unsigned size, uint8_t *data)
{
	struct vmm_recorder *recorder = recorder_of(device);

	pthread_mutex_lock(&recorder->lock);
	memcpy(data, recorder->bytes + offset, size);
	pthread_mutex_unlock(&recorder->lock);
}

static void recorder_write(struct vmm_device *device, uint64_t offset, unsigned size, const uint8_t *data)
{
	struct vmm_recorder *recorder = recorder_of(device);

	pthread_mutex_lock(&recorder->lock);
	memcpy(recorder->bytes + offset, data, size);
	pthread_mutex_unlock(&recorder->lock);
}

static void recorder_atomic(struct vmm_device *device, uint64_t offset, struct sv_access *access)
{
	struct vmm_recorder *recorder = recorder_of(device);
	uint8_t *bytes = recorder->bytes + offset;

	pthread_mutex_lock(&recorder->lock);
	memcpy(access->data, bytes, access->size);
	sv_atomic(access->op, access->size, access->big_endian, access->operand, access->compare,
		  access->data, bytes);
	pthread_mutex_unlock(&recorder->lock);
}

void vmm_recorder_init(struct vmm_recorder *recorder, enum vmm_part part)
{
	memset(recorder, 0, sizeof(*recorder));
	pthread_mutex_init(&recorder->lock, NULL);
	recorder->device.place = &vmm_platform[part];
	recorder->device.read = recorder_read;
	recorder->device.write = recorder_write;
	if (vmm_platform[part].atomics)
		recorder->device.atomic = recorder_atomic;
}
