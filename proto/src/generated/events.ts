import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ConversionFailed as _herald_events_v1_ConversionFailed, ConversionFailed__Output as _herald_events_v1_ConversionFailed__Output } from './herald/events/v1/ConversionFailed.js';
import type { FileConverted as _herald_events_v1_FileConverted, FileConverted__Output as _herald_events_v1_FileConverted__Output } from './herald/events/v1/FileConverted.js';
import type { Notification as _herald_events_v1_Notification, Notification__Output as _herald_events_v1_Notification__Output } from './herald/events/v1/Notification.js';
import type { NotificationDelivered as _herald_events_v1_NotificationDelivered, NotificationDelivered__Output as _herald_events_v1_NotificationDelivered__Output } from './herald/events/v1/NotificationDelivered.js';
import type { NotificationFailed as _herald_events_v1_NotificationFailed, NotificationFailed__Output as _herald_events_v1_NotificationFailed__Output } from './herald/events/v1/NotificationFailed.js';
import type { Preview as _herald_events_v1_Preview, Preview__Output as _herald_events_v1_Preview__Output } from './herald/events/v1/Preview.js';
import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from './herald/events/v1/Recipient.js';
import type { Rendition as _herald_events_v1_Rendition, Rendition__Output as _herald_events_v1_Rendition__Output } from './herald/events/v1/Rendition.js';
import type { SourceFile as _herald_events_v1_SourceFile, SourceFile__Output as _herald_events_v1_SourceFile__Output } from './herald/events/v1/SourceFile.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  herald: {
    events: {
      v1: {
        ConversionFailed: MessageTypeDefinition<_herald_events_v1_ConversionFailed, _herald_events_v1_ConversionFailed__Output>
        FileConverted: MessageTypeDefinition<_herald_events_v1_FileConverted, _herald_events_v1_FileConverted__Output>
        Notification: MessageTypeDefinition<_herald_events_v1_Notification, _herald_events_v1_Notification__Output>
        NotificationDelivered: MessageTypeDefinition<_herald_events_v1_NotificationDelivered, _herald_events_v1_NotificationDelivered__Output>
        NotificationFailed: MessageTypeDefinition<_herald_events_v1_NotificationFailed, _herald_events_v1_NotificationFailed__Output>
        Preview: MessageTypeDefinition<_herald_events_v1_Preview, _herald_events_v1_Preview__Output>
        Recipient: MessageTypeDefinition<_herald_events_v1_Recipient, _herald_events_v1_Recipient__Output>
        Rendition: MessageTypeDefinition<_herald_events_v1_Rendition, _herald_events_v1_Rendition__Output>
        SourceFile: MessageTypeDefinition<_herald_events_v1_SourceFile, _herald_events_v1_SourceFile__Output>
      }
    }
  }
}

