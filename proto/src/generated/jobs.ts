import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Admitted as _herald_converter_v1_Admitted, Admitted__Output as _herald_converter_v1_Admitted__Output } from './herald/converter/v1/Admitted.js';
import type { ConversionSpec as _herald_converter_v1_ConversionSpec, ConversionSpec__Output as _herald_converter_v1_ConversionSpec__Output } from './herald/converter/v1/ConversionSpec.js';
import type { ConversionSummary as _herald_converter_v1_ConversionSummary, ConversionSummary__Output as _herald_converter_v1_ConversionSummary__Output } from './herald/converter/v1/ConversionSummary.js';
import type { ConvertRequest as _herald_converter_v1_ConvertRequest, ConvertRequest__Output as _herald_converter_v1_ConvertRequest__Output } from './herald/converter/v1/ConvertRequest.js';
import type { ConvertResponse as _herald_converter_v1_ConvertResponse, ConvertResponse__Output as _herald_converter_v1_ConvertResponse__Output } from './herald/converter/v1/ConvertResponse.js';
import type { ConverterServiceClient as _herald_converter_v1_ConverterServiceClient, ConverterServiceDefinition as _herald_converter_v1_ConverterServiceDefinition } from './herald/converter/v1/ConverterService.js';
import type { Engine as _herald_converter_v1_Engine, Engine__Output as _herald_converter_v1_Engine__Output } from './herald/converter/v1/Engine.js';
import type { EstimateFailure as _herald_converter_v1_EstimateFailure, EstimateFailure__Output as _herald_converter_v1_EstimateFailure__Output } from './herald/converter/v1/EstimateFailure.js';
import type { EstimateManyRequest as _herald_converter_v1_EstimateManyRequest, EstimateManyRequest__Output as _herald_converter_v1_EstimateManyRequest__Output } from './herald/converter/v1/EstimateManyRequest.js';
import type { EstimateManyResponse as _herald_converter_v1_EstimateManyResponse, EstimateManyResponse__Output as _herald_converter_v1_EstimateManyResponse__Output } from './herald/converter/v1/EstimateManyResponse.js';
import type { EstimateRequest as _herald_converter_v1_EstimateRequest, EstimateRequest__Output as _herald_converter_v1_EstimateRequest__Output } from './herald/converter/v1/EstimateRequest.js';
import type { EstimateResponse as _herald_converter_v1_EstimateResponse, EstimateResponse__Output as _herald_converter_v1_EstimateResponse__Output } from './herald/converter/v1/EstimateResponse.js';
import type { Format as _herald_converter_v1_Format, Format__Output as _herald_converter_v1_Format__Output } from './herald/converter/v1/Format.js';
import type { Input as _herald_converter_v1_Input, Input__Output as _herald_converter_v1_Input__Output } from './herald/converter/v1/Input.js';
import type { Limits as _herald_converter_v1_Limits, Limits__Output as _herald_converter_v1_Limits__Output } from './herald/converter/v1/Limits.js';
import type { ListFormatsRequest as _herald_converter_v1_ListFormatsRequest, ListFormatsRequest__Output as _herald_converter_v1_ListFormatsRequest__Output } from './herald/converter/v1/ListFormatsRequest.js';
import type { ListFormatsResponse as _herald_converter_v1_ListFormatsResponse, ListFormatsResponse__Output as _herald_converter_v1_ListFormatsResponse__Output } from './herald/converter/v1/ListFormatsResponse.js';
import type { Preview as _herald_converter_v1_Preview, Preview__Output as _herald_converter_v1_Preview__Output } from './herald/converter/v1/Preview.js';
import type { Progress as _herald_converter_v1_Progress, Progress__Output as _herald_converter_v1_Progress__Output } from './herald/converter/v1/Progress.js';
import type { RenditionEstimate as _herald_converter_v1_RenditionEstimate, RenditionEstimate__Output as _herald_converter_v1_RenditionEstimate__Output } from './herald/converter/v1/RenditionEstimate.js';
import type { RenditionHeader as _herald_converter_v1_RenditionHeader, RenditionHeader__Output as _herald_converter_v1_RenditionHeader__Output } from './herald/converter/v1/RenditionHeader.js';
import type { RenditionSpec as _herald_converter_v1_RenditionSpec, RenditionSpec__Output as _herald_converter_v1_RenditionSpec__Output } from './herald/converter/v1/RenditionSpec.js';
import type { RenditionSummary as _herald_converter_v1_RenditionSummary, RenditionSummary__Output as _herald_converter_v1_RenditionSummary__Output } from './herald/converter/v1/RenditionSummary.js';
import type { ConversionFailed as _herald_events_v1_ConversionFailed, ConversionFailed__Output as _herald_events_v1_ConversionFailed__Output } from './herald/events/v1/ConversionFailed.js';
import type { FileConverted as _herald_events_v1_FileConverted, FileConverted__Output as _herald_events_v1_FileConverted__Output } from './herald/events/v1/FileConverted.js';
import type { Notification as _herald_events_v1_Notification, Notification__Output as _herald_events_v1_Notification__Output } from './herald/events/v1/Notification.js';
import type { NotificationDelivered as _herald_events_v1_NotificationDelivered, NotificationDelivered__Output as _herald_events_v1_NotificationDelivered__Output } from './herald/events/v1/NotificationDelivered.js';
import type { NotificationFailed as _herald_events_v1_NotificationFailed, NotificationFailed__Output as _herald_events_v1_NotificationFailed__Output } from './herald/events/v1/NotificationFailed.js';
import type { Preview as _herald_events_v1_Preview, Preview__Output as _herald_events_v1_Preview__Output } from './herald/events/v1/Preview.js';
import type { Recipient as _herald_events_v1_Recipient, Recipient__Output as _herald_events_v1_Recipient__Output } from './herald/events/v1/Recipient.js';
import type { Rendition as _herald_events_v1_Rendition, Rendition__Output as _herald_events_v1_Rendition__Output } from './herald/events/v1/Rendition.js';
import type { SourceFile as _herald_events_v1_SourceFile, SourceFile__Output as _herald_events_v1_SourceFile__Output } from './herald/events/v1/SourceFile.js';
import type { ConvertFile as _herald_jobs_v1_ConvertFile, ConvertFile__Output as _herald_jobs_v1_ConvertFile__Output } from './herald/jobs/v1/ConvertFile.js';
import type { JobEnded as _herald_jobs_v1_JobEnded, JobEnded__Output as _herald_jobs_v1_JobEnded__Output } from './herald/jobs/v1/JobEnded.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  herald: {
    converter: {
      v1: {
        Admitted: MessageTypeDefinition<_herald_converter_v1_Admitted, _herald_converter_v1_Admitted__Output>
        ConversionSpec: MessageTypeDefinition<_herald_converter_v1_ConversionSpec, _herald_converter_v1_ConversionSpec__Output>
        ConversionSummary: MessageTypeDefinition<_herald_converter_v1_ConversionSummary, _herald_converter_v1_ConversionSummary__Output>
        ConvertRequest: MessageTypeDefinition<_herald_converter_v1_ConvertRequest, _herald_converter_v1_ConvertRequest__Output>
        ConvertResponse: MessageTypeDefinition<_herald_converter_v1_ConvertResponse, _herald_converter_v1_ConvertResponse__Output>
        /**
         * Turns an uploaded file into renditions.
         * 
         * A failed call carries the trailers `herald-error-code` (one of the codes in
         * `proto/src/errors.ts`) and, if the message does not say what to do, `herald-error-remedy`
         * (UTF-8, with `%` and what is not printable ASCII percent-encoded). After HERALD_BUSY and
         * HERALD_SHUTTING_DOWN, retry with a growing delay.
         */
        ConverterService: SubtypeConstructor<typeof grpc.Client, _herald_converter_v1_ConverterServiceClient> & { service: _herald_converter_v1_ConverterServiceDefinition }
        Engine: MessageTypeDefinition<_herald_converter_v1_Engine, _herald_converter_v1_Engine__Output>
        EstimateFailure: MessageTypeDefinition<_herald_converter_v1_EstimateFailure, _herald_converter_v1_EstimateFailure__Output>
        EstimateManyRequest: MessageTypeDefinition<_herald_converter_v1_EstimateManyRequest, _herald_converter_v1_EstimateManyRequest__Output>
        EstimateManyResponse: MessageTypeDefinition<_herald_converter_v1_EstimateManyResponse, _herald_converter_v1_EstimateManyResponse__Output>
        EstimateRequest: MessageTypeDefinition<_herald_converter_v1_EstimateRequest, _herald_converter_v1_EstimateRequest__Output>
        EstimateResponse: MessageTypeDefinition<_herald_converter_v1_EstimateResponse, _herald_converter_v1_EstimateResponse__Output>
        Fit: EnumTypeDefinition
        Format: MessageTypeDefinition<_herald_converter_v1_Format, _herald_converter_v1_Format__Output>
        Gravity: EnumTypeDefinition
        Input: MessageTypeDefinition<_herald_converter_v1_Input, _herald_converter_v1_Input__Output>
        Keep: EnumTypeDefinition
        Limits: MessageTypeDefinition<_herald_converter_v1_Limits, _herald_converter_v1_Limits__Output>
        ListFormatsRequest: MessageTypeDefinition<_herald_converter_v1_ListFormatsRequest, _herald_converter_v1_ListFormatsRequest__Output>
        ListFormatsResponse: MessageTypeDefinition<_herald_converter_v1_ListFormatsResponse, _herald_converter_v1_ListFormatsResponse__Output>
        Preview: MessageTypeDefinition<_herald_converter_v1_Preview, _herald_converter_v1_Preview__Output>
        Progress: MessageTypeDefinition<_herald_converter_v1_Progress, _herald_converter_v1_Progress__Output>
        RenditionEstimate: MessageTypeDefinition<_herald_converter_v1_RenditionEstimate, _herald_converter_v1_RenditionEstimate__Output>
        RenditionHeader: MessageTypeDefinition<_herald_converter_v1_RenditionHeader, _herald_converter_v1_RenditionHeader__Output>
        RenditionSpec: MessageTypeDefinition<_herald_converter_v1_RenditionSpec, _herald_converter_v1_RenditionSpec__Output>
        RenditionSummary: MessageTypeDefinition<_herald_converter_v1_RenditionSummary, _herald_converter_v1_RenditionSummary__Output>
      }
    }
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
    jobs: {
      v1: {
        ConvertFile: MessageTypeDefinition<_herald_jobs_v1_ConvertFile, _herald_jobs_v1_ConvertFile__Output>
        JobEnded: MessageTypeDefinition<_herald_jobs_v1_JobEnded, _herald_jobs_v1_JobEnded__Output>
        JobEnding: EnumTypeDefinition
        Priority: EnumTypeDefinition
      }
    }
  }
}

