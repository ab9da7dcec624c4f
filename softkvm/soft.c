/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors, and the way of a request to what answers it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"

static const struct soft_request *const requests[SOFT_KINDS] = {
	[SOFT_KIND_KVM] = soft_kvm_requests,
	[SOFT_KIND_VM] = soft_vm_requests,
	[SOFT_KIND_VCPU] = soft_vcpu_requests,
	[SOFT_KIND_DEVICE] = soft_device_requests,
};

/* Hooks are for the embedder's requests, not for those that hooks make. */
static __thread bool in_hook;

static struct soft_object *any_object(struct sv_soft *soft, int fd)
{
	if (fd < SOFT_FD || fd >= SOFT_FD + SOFT_FDS)
		return NULL;
	return atomic_load_explicit(&soft->objects[fd - SOFT_FD], memory_order_acquire);
}

struct soft_object *soft_object(struct sv_soft *soft, int fd, enum soft_kind kind)
{
	struct soft_object *object = any_object(soft, fd);

	return object && object->kind == kind ? object : NULL;
}

int soft_object_add(struct sv_soft *soft, struct soft_object *object, enum soft_kind kind)
{
	int fd = -EMFILE;

	object->soft = soft;
	object->kind = kind;
	pthread_mutex_lock(&soft->lock);
	for (int i = 0; i < SOFT_FDS && fd < 0; i++)
		if (!atomic_load(&soft->objects[i])) {
			fd = object->fd = SOFT_FD + i;
			atomic_store_explicit(&soft->objects[i], object, memory_order_release);
		}
	pthread_mutex_unlock(&soft->lock);
	return fd;
}

struct sv_soft *sv_soft_new(const struct sv_soft_config *config)
{
	struct sv_soft *soft = calloc(1, sizeof(*soft));
	size_t size;
	uint32_t *without;

	if (!soft)
		return NULL;
	if (config)
		soft->config = *config;
	size = soft->config.without_count * sizeof(*without);
	without = malloc(size + 1);
	if (!without) {
		free(soft);
		return NULL;
	}
	if (size)
		memcpy(without, soft->config.without, size);
	soft->config.without = without;
	if (!soft->config.ipa_bits)
		soft->config.ipa_bits = 48;
	pthread_mutex_init(&soft->lock, NULL);
	return soft;
}

void sv_soft_free(struct sv_soft *soft)
{
	if (!soft)
		return;
	for (int i = 0; i < SOFT_FDS; i++)
		sv_soft_close(soft, SOFT_FD + i);
	pthread_mutex_destroy(&soft->lock);
	free((void *)soft->config.without);
	free(soft);
}

int sv_soft_open(struct sv_soft *soft)
{
	struct soft_object *object = calloc(1, sizeof(*object));
	int fd;

	if (!object)
		return -ENOMEM;
	fd = soft_object_add(soft, object, SOFT_KIND_KVM);
	if (fd < 0)
		free(object);
	return fd;
}

int sv_soft_close(struct sv_soft *soft, int fd)
{
	struct soft_object *object = any_object(soft, fd);

	if (!object)
		return -EBADF;
	atomic_store(&soft->objects[fd - SOFT_FD], NULL);
	switch (object->kind) {
	case SOFT_KIND_VM:
		soft_vm_put((struct soft_vm *)object);
		break;
	case SOFT_KIND_VCPU:
		/* The vCPU itself lives as long as its VM, as in KVM. */
		soft_vm_put(((struct soft_vcpu *)object)->vm);
		break;
	case SOFT_KIND_DEVICE:
		soft_vm_put(*(struct soft_vm **)(object + 1));
		free(object);
		break;
	default:
		free(object);
		break;
	}
	return 0;
}

int soft_hook(struct sv_soft *soft, const struct sv_soft_event *event)
{
	sv_soft_hook call = soft->hooks[event->point].call;
	int result;

	if (!call || in_hook)
		return 0;
	in_hook = true;
	result = call(soft->hooks[event->point].opaque, event);
	in_hook = false;
	return result;
}

void sv_soft_set_hook(struct sv_soft *soft, enum sv_soft_point point, sv_soft_hook hook, void *opaque)
{
	soft->hooks[point].call = hook;
	soft->hooks[point].opaque = opaque;
}

int sv_soft_fail(struct sv_soft *soft, const struct sv_soft_failure *failure)
{
	unsigned count;
	int result = 0;

	pthread_mutex_lock(&soft->lock);
	count = atomic_load(&soft->failure_count);
	if (!failure)
		atomic_store(&soft->failure_count, 0);
	else if (count == SV_SOFT_FAILURES)
		result = -ENOSPC;
	else {
		soft->failures[count] = *failure;
		atomic_store(&soft->failure_count, count + 1);
	}
	pthread_mutex_unlock(&soft->lock);
	return result;
}

static bool fits(const struct sv_soft_failure *failure, unsigned long request, const void *argument)
{
	if (failure->request ? failure->request != request : request == SV_KVM_RUN)
		return false;
	return !failure->reg || ((request == SV_KVM_GET_ONE_REG || request == SV_KVM_SET_ONE_REG) &&
				 ((const struct sv_kvm_one_reg *)argument)->id == failure->reg);
}

/* The error that a request is to have, or 0. */
static int failure_of(struct sv_soft *soft, unsigned long request, const void *argument)
{
	int error = 0;

	pthread_mutex_lock(&soft->lock);
	for (unsigned i = 0; i < atomic_load(&soft->failure_count); i++) {
		struct sv_soft_failure *failure = &soft->failures[i];

		if (!fits(failure, request, argument))
			continue;
		if (failure->nth > 1)
			failure->nth--;
		else if (failure->nth == 1) {
			error = error ? error : -failure->error;
			failure->nth = failure->forever;
		}
	}
	pthread_mutex_unlock(&soft->lock);
	return error;
}

static int dispatch(struct soft_object *object, unsigned long request, void *argument)
{
	for (const struct soft_request *row = requests[object->kind]; row->handle; row++)
		if (row->request == request)
			return row->handle(object, argument);
	return -ENOTTY;
}

int sv_soft_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct sv_soft *soft = opaque;
	struct soft_object *object = any_object(soft, fd);
	int result;

	if (!object)
		return -EBADF;
	atomic_fetch_add_explicit(request == SV_KVM_RUN ? &soft->runs : &soft->requests, 1,
				  memory_order_relaxed);
	if (!in_hook && atomic_load_explicit(&soft->failure_count, memory_order_relaxed)) {
		result = failure_of(soft, request, argument);
		if (result)
			return result;
	}
	if (soft->hooks[SV_SOFT_AT_REQUEST].call) {
		struct sv_soft_event event = {
			.point = SV_SOFT_AT_REQUEST, .fd = fd, .request = request, .argument = argument};

		result = soft_hook(soft, &event);
		if (result)
			return result;
	}
	if (object->kind == SOFT_KIND_VCPU) {
		struct soft_vcpu *vcpu = (struct soft_vcpu *)object;

		pthread_mutex_lock(&vcpu->lock);
		result = dispatch(object, request, argument);
		pthread_mutex_unlock(&vcpu->lock);
		return result;
	}
	return dispatch(object, request, argument);
}

void sv_soft_counts(struct sv_soft *soft, struct sv_soft_counts *counts)
{
	*counts = (struct sv_soft_counts){atomic_load(&soft->requests), atomic_load(&soft->runs),
					  atomic_load(&soft->aborts)};
}
