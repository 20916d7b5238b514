import { makeClientConstructor } from '@grpc/grpc-js'
import type { ProtoGrpcType } from './generated/converter.js'
import { serviceDefinition } from './load.js'

export type {
  ConversionSpec,
  ConversionSpec__Output as ReceivedConversionSpec,
} from './generated/herald/converter/v1/ConversionSpec.js'
export type {
  ConversionSummary,
  ConversionSummary__Output as ReceivedConversionSummary,
} from './generated/herald/converter/v1/ConversionSummary.js'
export type {
  ConverterServiceClient,
  ConverterServiceHandlers,
} from './generated/herald/converter/v1/ConverterService.js'
export type {
  ConvertRequest,
  ConvertRequest__Output as ReceivedConvertRequest,
} from './generated/herald/converter/v1/ConvertRequest.js'
export type {
  ConvertResponse,
  ConvertResponse__Output as ReceivedConvertResponse,
} from './generated/herald/converter/v1/ConvertResponse.js'
export type {
  Engine,
  Engine__Output as ReceivedEngine,
} from './generated/herald/converter/v1/Engine.js'
export type {
  EstimateFailure,
  EstimateFailure__Output as ReceivedEstimateFailure,
} from './generated/herald/converter/v1/EstimateFailure.js'
export type {
  EstimateManyRequest,
  EstimateManyRequest__Output as ReceivedEstimateManyRequest,
} from './generated/herald/converter/v1/EstimateManyRequest.js'
export type {
  EstimateManyResponse,
  EstimateManyResponse__Output as ReceivedEstimateManyResponse,
} from './generated/herald/converter/v1/EstimateManyResponse.js'
export type {
  EstimateRequest,
  EstimateRequest__Output as ReceivedEstimateRequest,
} from './generated/herald/converter/v1/EstimateRequest.js'
export type {
  EstimateResponse,
  EstimateResponse__Output as ReceivedEstimateResponse,
} from './generated/herald/converter/v1/EstimateResponse.js'
export type { Fit__Output as Fit } from './generated/herald/converter/v1/Fit.js'
export type {
  Format,
  Format__Output as ReceivedFormat,
} from './generated/herald/converter/v1/Format.js'
export type { Gravity__Output as Gravity } from './generated/herald/converter/v1/Gravity.js'
export type {
  Input,
  Input__Output as ReceivedInput,
} from './generated/herald/converter/v1/Input.js'
export type { Keep__Output as Keep } from './generated/herald/converter/v1/Keep.js'
export type {
  ListFormatsResponse,
  ListFormatsResponse__Output as ReceivedListFormatsResponse,
} from './generated/herald/converter/v1/ListFormatsResponse.js'
export type {
  Preview,
  Preview__Output as ReceivedPreview,
} from './generated/herald/converter/v1/Preview.js'
export type { Progress__Output as ReceivedProgress } from './generated/herald/converter/v1/Progress.js'
export type {
  RenditionEstimate,
  RenditionEstimate__Output as ReceivedRenditionEstimate,
} from './generated/herald/converter/v1/RenditionEstimate.js'
export type {
  RenditionHeader,
  RenditionHeader__Output as ReceivedRenditionHeader,
} from './generated/herald/converter/v1/RenditionHeader.js'
export type {
  RenditionSpec,
  RenditionSpec__Output as ReceivedRenditionSpec,
} from './generated/herald/converter/v1/RenditionSpec.js'
export type {
  RenditionSummary,
  RenditionSummary__Output as ReceivedRenditionSummary,
} from './generated/herald/converter/v1/RenditionSummary.js'

/** `new ConverterService(address, credentials)` is a client; `.service` is the definition. */
export const ConverterService = makeClientConstructor(
  serviceDefinition('herald.converter.v1.ConverterService'),
  'ConverterService',
) as unknown as ProtoGrpcType['herald']['converter']['v1']['ConverterService']
